using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

/// <summary>M9 and M2 on whole machines: platform devices beside the PCI functions, on the same controllers.</summary>
public class PlatformMsiTests
{
    private static readonly DeviceId Device = new(0xf00);

    [Theory]
    [InlineData("virt-gicv3", MappingPoint.Alloc, true)]
    [InlineData("virt-gicv3", MappingPoint.Activate, true)]
    [InlineData("virt-gicv2m", MappingPoint.Alloc, false)]
    [InlineData("virt-gicv2m", MappingPoint.Activate, false)]
    public void M9_M2_A_platform_device_is_armed_moved_and_disarmed_through_the_machine_s_own_controller(string name, MappingPoint point, bool isolated)
    {
        Machine machine = Build(name, point);
        MsiDomain platform = Assert.Single(machine.PlatformMsiDomains);
        Assert.Equal((isolated, isolated, point), (platform.IsIsolated, platform.Info.IrqRemapping, platform.MappingPoint));
        Assert.Same(machine.MsiDomains[0].Parent, platform.Parent);

        Doorbell.Iommu.Iommu smmu = machine.Iommus[0];
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.AllocateReservedIovaDomain(new Iova(0x800_0000), 0x10_0000, 12).IsOk);
        Assert.True(smmu.Attach(new StreamId(0xf00), domain).IsOk);
        var dma = new SampleDma("4a000000.dma", Device, smmu.GetStream(new StreamId(0xf00)), machine.Bus, machine.Events, 4);
        MsiDeviceVectors vectors = platform.CreateDeviceVectors(dma.Msi);
        var handler = new CountingHandler();

        Assert.True(vectors.Allocate(MsiKind.Platform, 4).IsOk);
        Assert.Equal(point == MappingPoint.Alloc ? 4 : 0, domain.ReservedIovas!.ReferenceCount);
        for (int i = 0; i < 4; i++)
        {
            Assert.True(vectors.Request(i, handler).IsOk);
            Assert.Equal((0x800_0040ul, vectors.GetMessage(i)), (dma[i].Address, dma[i]));
        }

        Assert.Equal(4, domain.ReservedIovas.ReferenceCount);
        Assert.True(dma.Done(0) && dma.Done(3) && dma.Done(3));
        Assert.Equal((1, 0, 0, 2), (handler[0], handler[1], handler[2], handler[3]));

        Assert.True(vectors.SetAffinity(3, 1).IsOk);
        Assert.Equal(1, vectors.GetIrq(3)!.Affinity);
        Assert.True(dma.Done(3));
        Assert.Equal(3, handler[3]);
        dma.CheckN1();

        vectors.FreeIrq(3);
        Assert.Equal(default, dma[3]);
        Assert.Equal(point == MappingPoint.Alloc ? 4 : 3, domain.ReservedIovas.ReferenceCount);
        Assert.False(dma.Done(3));
        vectors.Dispose();
        Assert.True(domain.IsEmpty);
        Assert.All(Enumerable.Range(0, 4), channel => Assert.Equal(default, dma[channel]));
    }

    [Theory]
    [InlineData("virt-gicv3", false)]
    [InlineData("virt-gicv2m", true)]
    public void N4_A_platform_device_reaches_a_PCI_function_s_interrupt_only_where_nothing_looks_at_who_writes(string name, bool reached)
    {
        Machine machine = Build(name, MappingPoint.Alloc);
        var other = new SampleDma("other", new DeviceId(8), null, machine.Bus, machine.Events, 1);
        MsiDeviceVectors victim = machine.MsiDomains[0].CreateDeviceVectors(new PlatformAsPci(other));
        var handler = new CountingHandler();
        Assert.True(victim.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.True(victim.Request(0, handler).IsOk);

        var dma = new SampleDma("dma", Device, null, machine.Bus, machine.Events, 1);
        dma.Msi.WriteMessage(MsiKind.Platform, 0, other[0]);
        Assert.Equal(reached, dma.Done(0));
        Assert.Equal(reached ? 1 : 0, handler.Total);
    }

    [Fact]
    public void M2_What_stands_before_an_ITS_and_says_who_writes_takes_isolation_from_platform_MSI_too()
    {
        MachineDescription virt = BuiltInMachines.Load("virt-gicv3").Value;
        var its = (GicV3ItsDescription)virt.MsiControllers[0] with { PreIts = new MemoryRange(new PhysicalAddress(0x5800_0000), 0x20_0000) };
        Machine machine = new MachineBuilder(virt with { MsiControllers = [its], Memory = [] }).Build().Value;
        Assert.Equal((false, false), (machine.MsiDomains[0].IsIsolated, machine.PlatformMsiDomains[0].IsIsolated));
        Assert.False(machine.PlatformMsiDomains[0].Info.IrqRemapping);
    }

    private static Machine Build(string name, MappingPoint point) =>
        new MachineBuilder(BuiltInMachines.Load(name).Value) { MappingPoint = point }.Build().Value;

    /// <summary>The same registers behind another face: what MSI-X entries are to a function.</summary>
    private sealed class PlatformAsPci(SampleDma dma) : IMsiDevice
    {
        public string Name => "pci";

        public DeviceId DeviceId => dma.Msi.DeviceId;

        public IommuDomain? IommuDomain => null;

        public int VectorLimit(MsiKind kind) => 1;

        public void WriteMessage(MsiKind kind, int vector, in MsiMessage message) => dma.Msi.WriteMessage(MsiKind.Platform, vector, message);

        public void SetMask(MsiKind kind, int vector, bool masked)
        {
        }

        public void SetEnabled(MsiKind kind, bool enabled, int count)
        {
        }
    }
}
