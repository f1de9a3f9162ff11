using Doorbell.Machines;

namespace Doorbell.Linux.Views;

/// <summary>The configuration spaces that a view shows, and whether any of them has changed since it was last asked.</summary>
internal sealed class ConfigFiles
{
    private bool _haveChanged;

    /// <summary>Those of a machine's functions, bridges included.</summary>
    internal ConfigFiles(Machine machine) =>
        All = [.. machine.Devices.Select(device => new ConfigFile(MachineView.ConfigPath(machine, device), device.Function, () => Volatile.Write(ref _haveChanged, true)))];

    /// <summary>One a function, in the machine's order.</summary>
    internal IReadOnlyList<ConfigFile> All { get; }

    /// <summary>True once after any change. One load while there is none: every trapped call asks.</summary>
    internal bool TakeChanged()
    {
        if (!Volatile.Read(ref _haveChanged))
        {
            return false;
        }

        Volatile.Write(ref _haveChanged, false);
        return true;
    }
}
