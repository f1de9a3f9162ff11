using Doorbell.Hosts;
using Doorbell.Hosts.Acpi;
using Doorbell.Machines;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>The tables of the captured board: virt with a GICv3 ITS and an SMMUv3, booted by UEFI. What is expected is what its disassembly says.</summary>
public class CapturedTableTests
{
    private readonly AcpiFirmware _firmware = Tables.Read(Tables.Captured);

    [Fact]
    public void M11_The_board_has_the_ITS_and_the_SMMU_that_its_tables_describe()
    {
        Assert.Equal(MachineArchitecture.Arm64, _firmware.Architecture);
        FirmwareMsiController its = Assert.Single(_firmware.MsiControllers);
        Assert.Equal(("ITS 0 at 0x8080000", FirmwareMsiKind.Its, 0x0809_0040ul), (its.Name, its.Kind, its.Doorbell));
        Assert.Equal($"{AcpiTables.Directory}/APIC, offset 0x194", its.Evidence.ToString());
        FirmwareIommu smmu = Assert.Single(_firmware.Iommus);
        Assert.Equal(("SMMUv3 at 0x9050000", SmmuModel.SmmuV3, 0x0905_0000ul, null), (smmu.Name, smmu.Model, smmu.Base, smmu.Product));
        Assert.Null(smmu.InterruptRemapping);
        Assert.Equal($"{AcpiTables.Directory}/IORT, offset 0x48", smmu.Evidence.ToString());
        Assert.Equal([new FirmwarePciHost(0, 0, 0xff, new Evidence($"{AcpiTables.Directory}/MCFG", "offset 0x2c"))], _firmware.PciHosts);
        Assert.Empty(_firmware.ReservedMemory);
        Assert.Empty(_firmware.Notes);
    }

    // The four wired interrupts of its SMMUv3 make the mapping index 0 no index: the mapping is the devices'.
    [Theory]
    [InlineData("0000:00:01.0", 0x8u)]
    [InlineData("0000:01:00.0", 0x100u)]
    [InlineData("0000:04:1f.7", 0x4ffu)]
    public void M11_Requesters_of_the_first_five_buses_go_through_the_SMMU_to_the_ITS_with_their_own_ID(string function, uint id)
    {
        FirmwarePath path = _firmware.Find(function);

        Assert.True(path.IsKnown);
        Assert.Same(_firmware.Iommus[0], path.Iommu);
        Assert.Same(_firmware.MsiControllers[0], path.Controller);
        Assert.Equal((id, id), (path.StreamId, path.DeviceId));
        Assert.Equal(
            [$"{AcpiTables.Directory}/IORT, offset 0xc4", $"{AcpiTables.Directory}/IORT, offset 0x8c", $"{AcpiTables.Directory}/APIC, offset 0x194"], path.Places());
    }

    [Fact]
    public void M11_Requesters_of_the_buses_behind_go_to_the_ITS_past_the_SMMU()
    {
        FirmwarePath path = _firmware.Find("0000:05:00.0");

        Assert.True(path.IsKnown);
        Assert.Null(path.Iommu);
        Assert.Same(_firmware.MsiControllers[0], path.Controller);
        Assert.Equal(0x500u, path.DeviceId);
        Assert.Equal([$"{AcpiTables.Directory}/IORT, offset 0xd8", $"{AcpiTables.Directory}/APIC, offset 0x194"], path.Places());
    }

    [Fact]
    public void Of_a_segment_that_no_table_names_nothing_is_known() => Assert.False(_firmware.Find("0001:00:01.0").IsKnown);

    [Fact]
    public void A_table_whose_checksum_is_wrong_is_left_out_whole_and_the_others_count()
    {
        byte[] iort = [.. Tables.Captured[1].Bytes];
        iort[0xc4] ^= 1;

        AcpiFirmware firmware = Tables.Read(Tables.Captured[0], ("tables/iort.dat", iort), Tables.Captured[2]);

        Assert.Single(firmware.MsiControllers);
        Assert.Empty(firmware.Iommus);
        Assert.StartsWith("tables/iort.dat, offset 0x9: the bytes of IORT add up to 0x", Assert.Single(firmware.Notes), StringComparison.Ordinal);
        Assert.False(firmware.Find("0000:00:01.0").IsKnown);
    }

    [Fact]
    public void Without_MADT_the_way_is_known_and_the_doorbell_is_not()
    {
        FirmwarePath path = Tables.Read(Tables.Captured[1], Tables.Captured[2]).Find("0000:00:01.0");

        Assert.True(path.IsKnown);
        Assert.Equal("ITS 0", path.Controller!.Name);
        Assert.Null(path.Controller.Doorbell);
        Assert.NotNull(path.Iommu);
    }
}
