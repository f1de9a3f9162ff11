using Doorbell.Hosts;
using Doorbell.Hosts.Acpi;
using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>IVRS's IOMMUs, device entries and reserved memory (AMD 48882, chapter 5).</summary>
public class IvrsTests
{
    private const ulong Base = 0xfeb8_0000;

    [Fact]
    public void Every_kind_of_device_entry_is_read_and_aliases_are_the_IOMMUs_name()
    {
        AcpiFirmware firmware = Read(Ivrs().Unit(0x11, 2, 0, Base, unit => unit
            .U8(0).U16(0).U8(0) // padding
            .U8(2).U16(0x0008).U8(0) // one
            .U8(3).U16(0x0100).U8(0).U8(4).U16(0x01ff).U8(0) // a range
            .U8(0x40).Zeros(7) // longer padding
            .U8(0x42).U16(0x0300).U8(0).U8(0).U16(0x0210).U8(0) // one that appears as another
            .U8(0x43).U16(0x0400).U8(0).U8(0).U16(0x0218).U8(0).U8(4).U16(0x04ff).U8(0) // a range that does
            .U8(0x46).U16(0x0010).U8(0).U32(0) // with extended settings
            .U8(0x47).U16(0x0600).U8(0).U32(0).U8(4).U16(0x0607).U8(0)
            .U8(0x80).Zeros(15) // kinds to come
            .U8(0xc0).Zeros(31)
            .U8(0xf0).U16(0x0098).U8(0).Text("AMDI0020", 8).Zeros(8).U8(2).U8(5).Text("\\_SB_", 5)
            .SouthbridgeIoApic()));

        FirmwareIommu unit = Assert.Single(firmware.Iommus);
        Assert.Equal(("IVHD at 0xfeb80000", SmmuModel.AmdVi, (bool?)true, 48), (unit.Name, unit.Model, unit.InterruptRemapping, unit.InputBits));
        Assert.Equal(MachineArchitecture.X86, firmware.Architecture);
        foreach ((int id, int? stream) in new (int, int?)[]
        {
            (0x0008, 0x0008), (0x0009, null), (0x00ff, null), (0x0100, 0x0100), (0x01ff, 0x01ff), (0x0200, null), (0x0300, 0x0210), (0x0210, 0x0210),
            (0x0480, 0x0218), (0x0218, 0x0218), (0x0010, 0x0010), (0x0607, 0x0607), (0x0608, null), (0x0098, 0x0098),
        })
        {
            FirmwarePath path = firmware.FindPath(default, new RequesterId((ushort)id));
            Assert.Equal((true, stream is null ? null : unit, (uint)(stream ?? 0)), (path.IsKnown, path.Iommu, path.StreamId));
        }

        Assert.Equal(["IVRS, offset 0x30", "IVRS, offset 0x70"], firmware.FindPath(default, new RequesterId(0x0300)).Places());
        Assert.Empty(firmware.Notes);
    }

    [Fact]
    public void Of_several_blocks_for_one_IOMMU_the_highest_type_counts_and_a_later_row_over_an_earlier_one()
    {
        AcpiFirmware firmware = Read(Ivrs()
            .Unit(0x10, 2, 0, Base, unit => unit.U8(2).U16(0x0008).U8(0))
            .Unit(0x10, 0x4002, 0, Base + 0x10_0000, unit => unit.U8(1).U16(0).U8(0))
            .Unit(0x11, 2, 0, Base, unit => unit.U8(2).U16(0x0010).U8(0))
            .Unit(0x40, 2, 0, Base, unit => unit.U8(2).U16(0x0018).U8(0).SouthbridgeIoApic())
            .Unit(0x40, 2, 1, Base + 0x20_0000, unit => unit.U8(1).U16(0).U8(0)));

        Assert.Equal(["IVHD at 0xfec80000", "IVHD at 0xfeb80000", "IVHD at 0xfed80000"], firmware.Iommus.Select(unit => unit.Name));
        Assert.Equal("IVHD at 0xfeb80000", firmware.Find("0000:00:03.0").Iommu?.Name);
        Assert.Equal("IVHD at 0xfec80000", firmware.Find("0000:00:02.0").Iommu?.Name);
        Assert.Equal("IVHD at 0xfed80000", firmware.Find("0001:00:03.0").Iommu?.Name);
    }

    [Theory]
    [InlineData(0, 0xa0, true, null)]
    [InlineData(4, 0xa0, false, "the I/O APIC 0 is not in IVRS")]
    [InlineData(0, 0xb0, false, "no I/O APIC at 00:14.0")]
    public void M2_AMD_Vi_remaps_interrupts_where_IVRS_names_every_I_O_APIC_and_the_southbridges_among_them(byte id, ushort source, bool remaps, string? note)
    {
        AcpiFirmware firmware = Read(Ivrs().Unit(0x10, 2, 0, Base, unit => unit.U8(1).U16(0).U8(0).Special(1, id, source)));

        Assert.Equal(remaps, Assert.Single(firmware.Iommus).InterruptRemapping);
        Assert.Equal(note is null ? 0 : 1, firmware.Notes.Count);
        Assert.All(firmware.Notes, sentence => Assert.Contains(note!, sentence, StringComparison.Ordinal));
    }

    [Fact]
    public void M2_Without_MADT_it_is_not_known_whether_AMD_Vi_remaps_interrupts()
    {
        AcpiFirmware firmware = Tables.Read(Ivrs().Unit(0x10, 2, 0, Base, unit => unit.U8(1).U16(0).U8(0).SouthbridgeIoApic()).Build());

        Assert.Null(Assert.Single(firmware.Iommus).InterruptRemapping);
        Assert.True(firmware.Find("0000:00:01.0").IsKnown);
    }

    [Fact]
    public void I9_Reserved_memory_is_direct_whether_unity_mapped_or_excluded_as_Linux_maps_both()
    {
        AcpiFirmware firmware = Read(Ivrs().Unit(0x10, 2, 0, Base, unit => unit.U8(1).U16(0).U8(0).SouthbridgeIoApic())
            .Memory(0x20, 7, 0, 0, 0x1000_0000, 0x1000)
            .Memory(0x21, 7, 0x0100, 0, 0x2000_0000, 0x2000)
            .Memory(0x22, 8, 0x0200, 0x02ff, 0x3000_0000, 0x3000)
            .Memory(0x21, 6, 0x0100, 0, 0x4000_0000, 0x1000) // neither: nothing is asked
            .Memory(0x22, 1, 0x0300, 0x0200, 0x5000_0000, 0x1000));

        Assert.Equal(
            [(0x1000_0000ul, 0x1000ul, ReservedRegionType.Direct, 0), (0x2000_0000ul, 0x2000ul, ReservedRegionType.Direct, 1), (0x3000_0000ul, 0x3000ul, ReservedRegionType.Direct, 256)],
            firmware.ReservedMemory.Select(memory => (memory.Region.Base.Value, memory.Region.Size, memory.Region.Type, memory.Functions.Count)));
        Assert.Equal("0000:01:00.0", firmware.ReservedMemory[1].Functions[0].ToString());
        Assert.Equal(("0000:02:00.0", "0000:02:1f.7"), (firmware.ReservedMemory[2].Functions[0].ToString(), firmware.ReservedMemory[2].Functions[255].ToString()));
        Assert.EndsWith("is no range or for no device, and is left out.", Assert.Single(firmware.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_range_without_a_beginning_or_an_end_and_an_entry_too_long_refuse_the_table()
    {
        foreach ((Action<TableBuilder> entries, string sentence) in new (Action<TableBuilder>, string)[]
        {
            (unit => unit.U8(4).U16(8).U8(0), "a range of devices ends with 0x8"),
            (unit => unit.U8(3).U16(8).U8(0), "a range of devices from 0x8 on has no end"),
            (unit => unit.U8(3).U16(8).U8(0).U8(3).U16(9).U8(0), "begins inside the one from offset 0x48"),
            (unit => unit.U8(3).U16(9).U8(0).U8(4).U16(8).U8(0), "a range of devices ends with 0x8"),
            (unit => unit.U8(0x42).U16(8).U8(0), "a device entry of type 0x42 has 8 bytes: its block has 4 left"),
            (unit => unit.U8(0xf0).Zeros(20).U8(9), "a device entry of type 0xf0 has 31 bytes: its block has 22 left"),
        })
        {
            AcpiFirmware firmware = Read(Ivrs().Unit(0x10, 2, 0, Base, entries));
            Assert.Contains(sentence, Assert.Single(firmware.Notes), StringComparison.Ordinal);
            Assert.Empty(firmware.Iommus);
            Assert.False(firmware.Find("0000:00:01.0").IsKnown);
        }
    }

    private static AcpiFirmware Read(TableBuilder ivrs) => Tables.Read(Tables.Apic().Build(), ivrs.Build());

    internal static TableBuilder Ivrs() => new TableBuilder("IVRS", 2).U32(1 | (40u << 8) | (48u << 15)).U64(0);
}
