using Doorbell.Hosts;
using Doorbell.Hosts.Acpi;
using Doorbell.Machines;
using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>The ACPI tables that QEMU makes and SeaBIOS or EDK2 hands over, as Debian's kernel sees them.</summary>
public class AcpiTableTests
{
    private static readonly string[] PcDevices =
        ["-device", "pcie-root-port,id=behind,addr=4.0,chassis=1,slot=1", "-device", "edu,bus=behind", "-device", "edu,addr=5.0"];

    [SkippableTheory]
    [InlineData("on", true)]
    [InlineData("off", false)]
    public void M2_The_PC_with_a_VT_d_remaps_interrupts_where_DMAR_says_so(string setting, bool remaps)
    {
        AcpiFirmware firmware = Read(
            TablesGuest.OfPc(["-M", "q35,kernel-irqchip=split", "-device", $"intel-iommu,intremap={setting}", .. PcDevices]),
            bridge => bridge == Address("0000:00:04.0") ? new AcpiBridgeBuses(1, 1) : null);

        Assert.Equal(MachineArchitecture.X86, firmware.Architecture);
        FirmwareIommu unit = Assert.Single(firmware.Iommus);
        Assert.Equal(("DRHD at 0xfed90000", SmmuModel.VtD, 0xfed9_0000ul, (bool?)remaps), (unit.Name, unit.Model, unit.Base, unit.InterruptRemapping));
        Assert.Empty(firmware.MsiControllers);
        Assert.Empty(firmware.Notes);
        Assert.Equal((0, 0, 0xff), (firmware.PciHosts[0].Segment, firmware.PciHosts[0].FirstBus, firmware.PciHosts[0].LastBus));
        MustGoTo(unit, firmware, "0000:00:05.0", 0x28);
        MustGoTo(unit, firmware, "0000:01:00.0", 0x100);
    }

    [SkippableTheory]
    [InlineData("on", true)]
    [InlineData("off", false)]
    public void M2_The_PC_with_an_AMD_Vi_remaps_interrupts_where_IVRS_names_its_I_O_APIC(string setting, bool remaps)
    {
        AcpiFirmware firmware = Read(TablesGuest.OfPc(["-M", "q35", "-device", $"amd-iommu,intremap={setting}", .. PcDevices]));

        Assert.Equal(MachineArchitecture.X86, firmware.Architecture);
        FirmwareIommu unit = Assert.Single(firmware.Iommus);
        Assert.Equal(("IVHD at 0xfed80000", SmmuModel.AmdVi, 0xfed8_0000ul, (bool?)remaps), (unit.Name, unit.Model, unit.Base, unit.InterruptRemapping));
        Assert.Equal(remaps ? 0 : 1, firmware.Notes.Count);
        MustGoTo(unit, firmware, "0000:00:05.0", 0x28);
        MustGoTo(unit, firmware, "0000:01:00.0", 0x100);
    }

    [SkippableFact]
    public void A_PC_without_an_IOMMU_is_known_to_have_none()
    {
        AcpiFirmware firmware = Read(TablesGuest.OfPc(["-M", "pc"]));

        Assert.Equal(MachineArchitecture.X86, firmware.Architecture);
        Assert.Empty(firmware.Iommus);
        FirmwarePath path = firmware.FindPath(Address("0000:00:03.0"), new RequesterId(0x18));
        Assert.True(path.IsKnown);
        Assert.Null(path.Iommu);
    }

    [SkippableFact]
    public void M11_The_Arm_board_with_an_ITS_sends_its_devices_through_the_SMMUv3_and_the_others_past_it()
    {
        // A second root bus with its own host bridge, which QEMU leaves out of the SMMU: IORT has a hole there.
        AcpiFirmware firmware = Read(TablesGuest.OfArm("-M", "virt,gic-version=3,iommu=smmuv3", "-device", "pxb-pcie,bus_nr=128,bypass_iommu=on"));

        Assert.Equal(MachineArchitecture.Arm64, firmware.Architecture);
        FirmwareIommu smmu = Assert.Single(firmware.Iommus);
        Assert.Equal(("SMMUv3 at 0x9050000", SmmuModel.SmmuV3, 0x0905_0000ul), (smmu.Name, smmu.Model, smmu.Base));
        FirmwareMsiController its = Assert.Single(firmware.MsiControllers);
        Assert.Equal((FirmwareMsiKind.Its, 0x0809_0040ul), (its.Kind, its.Doorbell));
        Assert.Empty(firmware.Notes);

        FirmwarePath inside = firmware.FindPath(Address("0000:00:01.0"), new RequesterId(8));
        Assert.Equal((true, smmu, 8u, its, 8u), (inside.IsKnown, inside.Iommu, inside.StreamId, inside.Controller, inside.DeviceId));
        FirmwarePath past = firmware.FindPath(Address("0000:80:00.0"), new RequesterId(0x8000));
        Assert.Equal((true, null, its, 0x8000u), (past.IsKnown, past.Iommu, past.Controller, past.DeviceId));
    }

    [SkippableFact]
    public void M10_The_Arm_board_with_a_GICv2_has_a_v2m_frame_for_everyone()
    {
        AcpiFirmware firmware = Read(TablesGuest.OfArm("-M", "virt,gic-version=2"));

        Assert.Equal(MachineArchitecture.Arm64, firmware.Architecture);
        Assert.Empty(firmware.Iommus);
        FirmwareMsiController frame = Assert.Single(firmware.MsiControllers);
        Assert.Equal((FirmwareMsiKind.GicV2m, 0x0802_0040ul), (frame.Kind, frame.Doorbell));
        FirmwarePath path = firmware.FindPath(Address("0000:00:01.0"), new RequesterId(8));
        Assert.Equal((true, null, frame), (path.IsKnown, path.Iommu, path.Controller));
    }

    private static AcpiFirmware Read((string File, byte[] Bytes)[] tables, Func<PciAddress, AcpiBridgeBuses?>? bridges = null)
    {
        // As the guest had them: all there are.
        var guest = new HostSnapshot("the guest");
        foreach ((string file, byte[] bytes) in tables)
        {
            guest.AddFile($"/sys/firmware/acpi/tables/{Path.GetFileName(file)}", bytes);
        }

        Result<AcpiFirmware> firmware = AcpiTables.Read(guest, [], bridges);
        Assert.True(firmware.IsOk, firmware.Reason);
        return firmware.Value;
    }

    private static void MustGoTo(FirmwareIommu unit, AcpiFirmware firmware, string function, uint stream)
    {
        PciAddress address = Address(function);
        FirmwarePath path = firmware.FindPath(address, address.RequesterId);
        Assert.Equal((true, unit, stream, null), (path.IsKnown, path.Iommu, path.StreamId, path.Controller));
        Assert.NotEmpty(path.Evidence);
    }

    private static PciAddress Address(string text) => PciAddress.TryParse(text, out PciAddress address) ? address : throw new ArgumentException(text);
}
