using System.Globalization;
using Doorbell.Devices;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Linux.Reporting;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Views;
using Doorbell.Machines;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>What a client finds: a machine's devices behind VFIO.</summary>
internal sealed class MachineHost(Machine machine, VfioOptions options) : IClientHost
{
    private readonly VfioHost _vfio = machine.CreateVfioHost(options);
    private readonly ClientAddressSpaces _spaces = new();

    public EventStream Events => machine.Events;

    public IReadOnlyList<DeviceAccount> Devices =>
    [
        .. machine.Devices.Where(static device => !device.IsBridge).Select(device =>
        {
            PciConfigSpace config = device.Function.Config;
            var port = device.Function.Upstream as RequesterPort;
            return new DeviceAccount(
                device.Name,
                $"{config.Read16(PciHeader.VendorId):x4}:{config.Read16(PciHeader.DeviceId):x4} class {config.Read32(PciHeader.RevisionId) >> 8:x6}",
                machine.FindGroup(device)?.Id,
                device.Driver,
                port?.BytesRead ?? 0,
                port?.BytesWritten ?? 0);
        }),
    ];

    public MachineNames Names { get; } = new(machine);

    public ulong MappableBytes =>
        machine.Devices.Aggregate(0UL, (sum, device) => device.Function.MappableRanges(options.PageSize).Aggregate(sum, static (bytes, range) => bytes + range.Length));

    public SysView View { get; } = MachineView.Build(machine, options);

    public ConfigFiles ConfigFiles { get; } = new(machine);

    /// <summary>Builds the machine of a run with the devices plugged in; the reason says what does not fit.</summary>
    internal static Result<IClientHost> Create(RunOptions options, EventStream events)
    {
        MachineBuilder builder = new(options.Machine, events)
        {
            MappingPoint = options.Uapi == VfioUapi.ReservedIovaV6 ? MappingPoint.Activate : MappingPoint.Alloc,
            TableMemory = TableMemory(),
        };
        foreach (DeviceSpec spec in options.Devices)
        {
            Result<PciDeviceModel> model = options.Models.TryGetValue(spec.Model, out CreateDeviceModel? create)
                ? create(spec.Options)
                : DeviceModels.Create(spec.Model, spec.Options, FileBlockBackend.Open, DeviceFiles.Read);
            Result plugged = model.IsOk ? builder.Plug(spec.Address, model.Value) : model.WithoutValue;
            if (!plugged.IsOk)
            {
                return Result.Fail(plugged.Errno, $"{options.Machine.OriginOf(spec)}: {plugged.Reason}");
            }
        }

        foreach (CapturedAt found in options.Functions.Where(found => !options.Devices.Any(device => device.Address == found.Address)))
        {
            Result added = builder.Add(found);
            if (!added.IsOk)
            {
                return added;
            }
        }

        Result<Machine> machine = builder.Build();
        Result driven = machine.IsOk ? BindDrivers(machine.Value, options) : machine.WithoutValue;
        return driven.IsOk
            ? new MachineHost(machine.Value, new VfioOptions { AllowUnsafeInterrupts = options.AllowUnsafeInterrupts, Uapi = options.Uapi, PageSize = (ulong)Environment.SystemPageSize })
            : driven;
    }

    // Linux is bound by what it can pin. Nothing is pinned here, and the page tables of terabytes that are not there would be this machine's end: a 64th of its
    // memory is allowed a domain.
    private static ulong TableMemory() => (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 64;

    private static Result BindDrivers(Machine machine, RunOptions options)
    {
        foreach ((PciAddress address, string? driver) in options.Drivers)
        {
            if (machine.Devices.FirstOrDefault(device => device.Address == address) is not { } device)
            {
                return Result.Fail(Errno.EINVAL, $"--driver {address}={driver ?? "none"}: there is no function {address} on {machine.Description.Name}.");
            }

            device.Driver = driver;
        }

        // What a capture's drivers had at the MSI controller is taken: a client's interrupts are numbered after it, as on the real machine.
        foreach (CapturedAt found in options.Functions.Where(static found => found.HostVectors != 0))
        {
            PassthroughDevice device = machine.Devices.First(device => device.Address == found.Address);
            Result taken = device.IsVfioBound ? Result.Ok : device.TakeHostVectors(found.HostHasMsi ? MsiKind.Msi : MsiKind.MsiX, found.HostVectors);
            if (!taken.IsOk)
            {
                return taken;
            }
        }

        return Result.Ok;
    }

    public bool IsIdle => _vfio.IsIdle;

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
        // What was open has been released by now, file by file; devices may hold files of the computer's.
        foreach (PassthroughDevice device in machine.Devices)
        {
            (device.Function.Model as IDisposable)?.Dispose();
        }
    }
}
