using Doorbell.Devices;
using Doorbell.Events;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;
using Doorbell.Msi;
using Doorbell.Tests.Machines;
using Doorbell.Tests.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures;

/// <summary>A captured board, built: its controllers from its device tree, its functions from their captured configuration spaces.</summary>
internal sealed class CaptureBoard : IDisposable
{
    // What the runs bound to vfio-pci before they began; all else has no driver, bridges have pcieport.
    private static readonly string[] BoundAtFirst = ["0000:00:01.0", "0000:00:02.0", "0000:00:03.0", "0000:00:04.0", "0000:01:00.0", "0000:00:08.0"];

    private readonly IDisposable _listening;
    private readonly List<MachineEvent> _events = [];

    public CaptureBoard(string name, bool allowUnsafe = false)
    {
        Result<IReadOnlyList<CapturedAt>> functions = PciCapture.Read(name, CaptureFiles.ReadText($"{name}/pci"));
        Assert.True(functions.IsOk, functions.Reason);
        MachineBuilder builder = new(Describe(name).WithFound(functions.Value));
        foreach (CapturedAt found in functions.Value)
        {
            Result added = builder.Add(found);
            Assert.True(added.IsOk, added.Reason);
        }

        Result<Machine> built = builder.Build();
        Assert.True(built.IsOk, built.Reason);
        Machine = built.Value;
        foreach (PassthroughDevice device in Machine.Devices)
        {
            device.Driver = device.IsBridge ? "pcieport" : BoundAtFirst.Contains(device.Name) ? PassthroughDevice.VfioDriver : null;
        }

        // Vectors a host driver had when the run began: pcieport takes one for each root port.
        foreach (CapturedAt found in functions.Value.Where(static found => found.HostVectors != 0))
        {
            Result taken = Find(found.Address.ToString()).TakeHostVectors(found.HostHasMsi ? MsiKind.Msi : MsiKind.MsiX, found.HostVectors);
            Assert.True(taken.IsOk, taken.Reason);
        }

        _listening = Machine.Events.Subscribe(_events.Add);
        Host = Machine.CreateVfioHost(new VfioOptions { AllowUnsafeInterrupts = allowUnsafe });
    }

    public Machine Machine { get; }

    public VfioHost Host { get; private set; }

    public PassthroughDevice Find(string address) => Machine.Devices.Single(device => device.Name == address);

    /// <summary>The group of a device as /sys shows it; -1 for none.</summary>
    public int GroupOf(string address) => Host.Groups.Values.FirstOrDefault(group => group.Group.Devices.Any(device => device.Name == address))?.Group.Id ?? -1;

    /// <summary>The administrator allows noiommu mode from now on; nothing may be open.</summary>
    public void EnableNoIommu() => Host = Machine.CreateVfioHost(new VfioOptions { EnableUnsafeNoIommu = true });

    /// <summary>The administrator binds a driver; null unbinds.</summary>
    public CaptureBoard Bind(string address, string? driver = PassthroughDevice.VfioDriver)
    {
        Find(address).Driver = driver;
        return this;
    }

    /// <summary>An earlier run of the same boot armed the device and closed it: the controller keeps its table.</summary>
    public CaptureBoard Remember(string address, uint index = VfioIrqIndex.MsiX)
    {
        VfioContainer container = Host.OpenContainer();
        VfioGroup group = Host.OpenGroup(GroupOf(address)).Value;
        Assert.True(group.SetContainer(container).IsOk);
        Assert.True(container.SetIommu(VfioIommuType.Type1v2).IsOk);
        VfioDevice device = group.OpenDevice(address).Value;
        Result<int> armed = device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, index, 0, 1, default, [new CountingTrigger()]);
        Assert.True(armed.IsOk, armed.Reason);
        device.Release();
        group.Release();
        container.Release();
        TakeEvents();
        return this;
    }

    /// <summary>In an earlier run of the same boot Linux lost an EventID of the device for good (an arm that fails in its IOMMU domain).</summary>
    public CaptureBoard Leak(string address)
    {
        PassthroughDevice device = Find(address);
        Result<int> armed = device.MsiDomain!.CreateDeviceVectors(new PastDevice(address, device.DeviceId, device.MsiDevice.VectorLimit(MsiKind.MsiX))).AllocateRange(MsiKind.MsiX, 1, 1);
        Assert.True(armed.IsOk, armed.Reason);
        TakeEvents();
        return this;
    }

    /// <summary>The administrator allows unsafe interrupts from now on; nothing may be open.</summary>
    public void AllowUnsafeInterrupts() => Host = Machine.CreateVfioHost(new VfioOptions { AllowUnsafeInterrupts = true });

    /// <summary>What happened since the last time.</summary>
    public List<MachineEvent> TakeEvents()
    {
        List<MachineEvent> taken = [.. _events];
        _events.Clear();
        return taken;
    }

    public void Dispose() => _listening.Dispose();

    // From the device tree its kernel booted with, where that says all: a v2m frame's SPIs stand in its own register (MSI_TYPER), and under ACPI there
    // is no tree. These two are the machines that ship.
    private static MachineDescription Describe(string name)
    {
        bool isV2m = name.Contains("gicv2m", StringComparison.Ordinal);
        Result<MachineDescription> described = isV2m || name.EndsWith("acpi", StringComparison.Ordinal)
            ? TestMachines.Load(isV2m ? "virt-gicv2m" : "virt-gicv3")
            : DeviceTreeMachine.Read(name, CaptureFiles.ReadBytes($"{name}/fdt.dtb"));
        Assert.True(described.IsOk, described.Reason);
        MachineDescription description = described.Value;

        return description with { PageSize = name.EndsWith("16k", StringComparison.Ordinal) ? 0x4000u : 0x1000u };
    }
}
