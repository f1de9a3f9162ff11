using Doorbell.Hosts;
using Doorbell.Hosts.Acpi;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>The captured tables, and short ways to ask.</summary>
internal static class Tables
{
    public static (string File, byte[] Bytes)[] Captured { get; } =
        [.. new[] { "APIC", "IORT", "MCFG" }.Select(name => ($"{AcpiTables.Directory}/{name}", File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Hosts", "Acpi", "Fixtures", name))))];

    public static AcpiFirmware Read(params (string File, byte[] Bytes)[] tables) => Read(null, tables);

    public static AcpiFirmware Read(Func<PciAddress, AcpiBridgeBuses?>? bridges, params (string File, byte[] Bytes)[] tables)
    {
        Result<AcpiFirmware> firmware = AcpiFirmware.Read(tables, bridges);
        Assert.True(firmware.IsOk, firmware.Reason);
        return firmware.Value;
    }

    /// <summary>Read as those of a host, which has no others.</summary>
    public static AcpiFirmware ReadAll(params (string File, byte[] Bytes)[] tables)
    {
        var set = new AcpiTableSet();
        foreach ((string file, byte[] bytes) in tables)
        {
            set.Add(file, bytes);
        }

        return AcpiFirmware.Build(set, bridges: null).Value;
    }

    public static FirmwarePath Find(this AcpiFirmware firmware, string requester)
    {
        Assert.True(PciAddress.TryParse(requester, out PciAddress address));
        return firmware.FindPath(address, address.RequesterId);
    }

    public static PciAddress Address(string text) => PciAddress.TryParse(text, out PciAddress address) ? address : throw new ArgumentException(text);

    public static string[] Places(this FirmwarePath path) => [.. path.Evidence.Select(row => row.ToString())];

    /// <summary>A MADT of an Arm machine.</summary>
    public static TableBuilder Gic(byte version = 3) =>
        new TableBuilder("APIC", 4).U32(0).U32(0)
            .U8(0x0c).U8(24).U16(0).U32(0).U64(0x0800_0000).U32(0).U8(version).Zeros(3);

    public static TableBuilder Its(this TableBuilder madt, uint id, ulong address) => madt.U8(0x0f).U8(20).U16(0).U32(id).U64(address).U32(0);

    public static TableBuilder Frame(this TableBuilder madt, uint id, ulong address, ushort first = 64, ushort count = 32) =>
        madt.U8(0x0d).U8(24).U16(0).U32(id).U64(address).U32(1).U16(count).U16(first);

    /// <summary>A MADT of an x86 machine with one I/O APIC.</summary>
    public static TableBuilder Apic(byte ioApic = 0) =>
        new TableBuilder("APIC", 3).U32(0xfee0_0000).U32(1).U8(0).U8(8).U8(0).U8(0).U32(1).U8(1).U8(12).U8(ioApic).U8(0).U32(0xfec0_0000).U32(0);

    public static TableBuilder Mcfg(params (int Segment, int First, int Last)[] hosts)
    {
        TableBuilder table = new TableBuilder("MCFG").U64(0);
        foreach ((int segment, int first, int last) in hosts)
        {
            table.U64(0x40_1000_0000).U16(segment).U8(first).U8(last).U32(0);
        }

        return table;
    }
}
