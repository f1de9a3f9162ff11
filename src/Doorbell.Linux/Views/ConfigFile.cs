using Doorbell.Pci;

namespace Doorbell.Linux.Views;

/// <summary>The file <c>config</c> of a function in sysfs: its physical configuration space, as it is now.</summary>
internal sealed class ConfigFile
{
    private readonly PciFunction _function;
    private readonly byte[] _now;
    private readonly byte[] _shown;
    private bool _hasChanged;

    /// <param name="path">Absolute, below /sys.</param>
    /// <param name="function">Whose it is; the file watches it from here on.</param>
    /// <param name="onChanged">Told of every change, on whatever thread made it.</param>
    internal ConfigFile(string path, PciFunction function, Action onChanged)
    {
        Path = path;
        _function = function;
        _shown = new byte[function.Config.Size];
        _now = new byte[function.Config.Size];
        function.ReadConfig(0, _shown);
        function.Config.Changed = () =>
        {
            Volatile.Write(ref _hasChanged, true);
            onChanged();
        };
    }

    internal string Path { get; }

    /// <summary>What the file holds.</summary>
    internal ReadOnlyMemory<byte> Shown => _shown;

    /// <summary>What has to be written to bring the file up to date, and where; empty when nothing differs. It counts as written.</summary>
    internal ReadOnlySpan<byte> TakeChange(out int offset)
    {
        offset = 0;
        if (!Volatile.Read(ref _hasChanged))
        {
            return [];
        }

        Volatile.Write(ref _hasChanged, false); // before the bytes are read: a change meanwhile is one for the next time
        _function.ReadConfig(0, _now);
        offset = _now.AsSpan().CommonPrefixLength(_shown);
        int end = _now.Length;
        while (end > offset && _now[end - 1] == _shown[end - 1])
        {
            end--;
        }

        _now.CopyTo(_shown.AsSpan());
        return _shown.AsSpan(offset, end - offset);
    }
}
