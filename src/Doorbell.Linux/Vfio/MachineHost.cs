using System.Globalization;
using Doorbell.Events;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Views;
using Doorbell.Machines;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>What a client finds: a machine's devices behind VFIO.</summary>
internal sealed class MachineHost(Machine machine, VfioOptions options) : IClientHost
{
    private readonly VfioHost _vfio = machine.CreateVfioHost(options);
    private readonly ClientAddressSpaces _spaces = new();

    public EventStream Events => machine.Events;

    public SysView View { get; } = MachineView.Build(machine);

    public Result<ClientFile> Open(string path)
    {
        if (path == MachineView.ContainerNode)
        {
            return new ContainerFile(_vfio.OpenContainer(), _spaces);
        }

        if (!path.StartsWith(MachineView.GroupNodes, StringComparison.Ordinal)
            || !int.TryParse(path.AsSpan(MachineView.GroupNodes.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
        {
            return Result.Fail(Errno.ENOENT, $"{path} is no node of this machine");
        }

        Result<VfioGroup> group = _vfio.OpenGroup(id);
        return group.IsOk ? new GroupFile(group.Value) : group.WithoutValue;
    }

    public void Dispose()
    {
        // What was open has been released by now, file by file; the machine itself holds nothing of the computer's.
    }
}
