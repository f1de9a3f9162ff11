using Doorbell.Checks.Guests;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Tests.Checks.Guests;

/// <summary>What of a host a guest's memory meets, from the kernel's own lists or from firmware alone.</summary>
public class HostDmaSpacesTests
{
    private static readonly Evidence Here = new("/sys/firmware/acpi/tables/IORT", "offset 0x30");
    private static readonly PciAddress Address = new(0, 1, 0, 0);
    private static readonly PciAddress Port = new(0, 0, 5, 0);

    [Fact]
    public void I9_The_kernels_list_is_what_counts_and_ranges_it_lets_go_of_do_not()
    {
        HostFunction function = Function(0x020000) with { Group = 3 };
        ReservedRegion relaxed = new(new Iova(0x7d00_0000), 0x100_0000, ReservedRegionType.DirectRelaxable), direct = new(new Iova(0x7f00_0000), 0x1000, ReservedRegionType.Direct);
        HostFacts facts = new()
        {
            Name = "host",
            IsRunning = true,
            Functions = [function],
            Groups = [new HostGroup(3, "DMA", [Address], [], [relaxed, direct], new Evidence("/sys/kernel/iommu_groups/3"))],
            Firmware = Firmware(SmmuModel.VtD, null),
        };

        HostReserved reserved = Assert.Single(new HostDmaSpaces(facts).Of(function).Reserved);

        Assert.Equal((new GuestRange(0x7f00_0000, 0x7f00_0fff), ReservedRegionType.Direct), (reserved.Range, reserved.Type));
        Assert.Equal("/sys/kernel/iommu_groups/3/reserved_regions", reserved.Evidence!.File);
    }

    [Theory]
    [InlineData(SmmuModel.SmmuV3, null, "0x8000000-0x80fffff")]
    [InlineData(SmmuModel.SmmuV3, "HiSilicon Hi161x", "0xc6010000-0xc601ffff")]
    [InlineData(SmmuModel.VtD, null, "0xfee00000-0xfeefffff")]
    [InlineData(SmmuModel.AmdVi, null, "0xfee00000-0xfeefffff 0xfd00000000-0xffffffffff")]
    public void I9_From_firmware_alone_it_is_what_the_architecture_reserves_or_an_erratum(SmmuModel model, string? product, string ranges)
    {
        HostFunction function = Function(0x020000);
        HostFacts facts = new() { Name = "tables", Functions = [function], Firmware = Firmware(model, product) };

        HostDmaSpace space = new HostDmaSpaces(facts).Of(function);

        Assert.Equal(ranges, string.Join(' ', space.Reserved.Select(static reserved => reserved.Range)));
        Assert.Equal((1UL << 39) - 1, space.LastIova);
    }

    [Theory]
    [InlineData(0x020000, false, true)]
    [InlineData(0x020000, true, false)]
    [InlineData(0x030000, false, false)]
    [InlineData(0x0c0330, false, false)]
    public void I9_Memory_that_firmware_keeps_mapped_counts_unless_it_lets_go_of_it_or_the_kernel_does_for_that_class(int @class, bool isRelaxable, bool counts)
    {
        HostFunction function = Function((uint)@class);
        FirmwareReservedMemory memory = new(new ReservedRegion(new Iova(0x7d00_0000), 0x1000, ReservedRegionType.Direct), [Address], null, Here) { IsRelaxable = isRelaxable };
        HostFacts facts = new() { Name = "tables", Functions = [function], Firmware = Firmware(SmmuModel.VtD, null, memory) };

        Assert.Equal(counts, new HostDmaSpaces(facts).Of(function).Reserved.Any(static reserved => reserved.Type == ReservedRegionType.Direct));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void I9_Windows_of_bridges_count_unless_access_control_sends_requests_up(bool isRedirected)
    {
        byte[] config = new byte[4096];
        config[0x100] = 0x0d;
        config[0x102] = 0x01;
        config[0x106] = (byte)(isRedirected ? 0x1d : 0x01);
        HostFunction function = Function(0x020000) with { Parent = Port };
        HostFunction port = new()
        {
            Address = Port,
            Evidence = new Evidence("/sys/bus/pci/devices/0000:00:05.0"),
            ClassCode = 0x060400,
            Config = config,
            Resources = [new HostResource(8, 0x1000_0000, 0x101f_ffff, 0x200), new HostResource(7, 0x1000, 0x1fff, 0x100)],
        };
        HostFacts facts = new()
        {
            Name = "host",
            Functions = [port, function],
            Kernel = new HostKernel { IoMemory = [new HostIoMemory(0x1000_0000, 0x3efe_ffff, "PCI Bus 0000:00", 0), new HostIoMemory(0x4000_0000, 0x7fff_ffff, "System RAM", 0)] },
        };

        IReadOnlyList<HostWindow> windows = new HostDmaSpaces(facts).Of(function).Windows;

        Assert.Equal(isRedirected ? [] : ["bridge 0000:00:05.0 0x10000000-0x101fffff", "PCI Bus 0000:00 0x10000000-0x3efeffff"], windows.Select(static window => $"{window.Name} {window.Range}"));
    }

    private static HostFunction Function(uint @class) => new() { Address = Address, Evidence = new Evidence($"/sys/bus/pci/devices/{Address}"), ClassCode = @class };

    private static StaticFirmware Firmware(SmmuModel model, string? product, params FirmwareReservedMemory[] memory) => new()
    {
        Iommus = [new FirmwareIommu { Name = "iommu", Model = model, Product = product, InputBits = 39, Evidence = Here }],
        MsiControllers = [new FirmwareMsiController("ITS 0", FirmwareMsiKind.Its, 0xc601_0040, Here)],
        ReservedMemory = memory,
    };
}
