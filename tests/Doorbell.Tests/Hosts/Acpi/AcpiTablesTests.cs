using System.Globalization;
using System.Text;
using Doorbell.Hosts;
using Doorbell.Hosts.Acpi;
using Doorbell.Machines;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>Where tables come from: a running host, files of any name, acpidump's text; and what a broken one leaves.</summary>
public class AcpiTablesTests
{
    private static readonly byte[] Other = [.. Encoding.ASCII.GetBytes("FACS"), 64, 0, 0, 0];

    [Fact]
    public void A_hosts_tables_are_read_and_those_of_no_interest_are_not_looked_at()
    {
        List<HostUnknown> unknown = [];
        Result<AcpiFirmware> firmware = AcpiTables.Read(
            Host(
                [.. Tables.Captured.Select(table => (table.File, (byte[]?)table.Bytes)), ($"{AcpiTables.Directory}/FACP", null), ($"{AcpiTables.Directory}/SSDT1", []), ($"{AcpiTables.Directory}/data/BERT", null)]),
            unknown);

        Assert.True(firmware.IsOk, firmware.Reason);
        Assert.Empty(unknown);
        Assert.Empty(firmware.Value.Notes);
        Assert.Single(firmware.Value.Iommus);
    }

    [Fact]
    public void Buses_behind_a_bridge_come_from_the_hosts_configuration_space()
    {
        byte[] bridge = new byte[64];
        (bridge[0x0e], bridge[0x18], bridge[0x19], bridge[0x1a]) = (0x81, 0, 5, 6);
        (string, byte[]?)[] files =
        [
            ($"{AcpiTables.Directory}/APIC", Tables.Apic().Build().Bytes),
            ($"{AcpiTables.Directory}/DMAR", DmarTests.Dmar().Unit(0, false, 0xfed9_0000, DmarTests.Scope(2, 0, (0x1c, 0)), DmarTests.Scope(1, 0, (2, 0))).Unit(0, true, 0xfed9_1000).Build().Bytes),
            ("/sys/bus/pci/devices/0000:00:1c.0/config", bridge), ("/sys/bus/pci/devices/0000:00:02.0/config", new byte[64]),
        ];

        AcpiFirmware firmware = AcpiTables.Read(Host(files), []).Value;

        Assert.Empty(firmware.Notes);
        Assert.Equal("DRHD at 0xfed90000", firmware.Find("0000:06:00.0").Iommu?.Name);
        Assert.Equal("DRHD at 0xfed91000", firmware.Find("0000:07:00.0").Iommu?.Name);
    }

    [Fact]
    public void What_only_root_may_read_is_said_to_be_unknown()
    {
        List<HostUnknown> unknown = [];
        Result<AcpiFirmware> firmware = AcpiTables.Read(
            Host((Tables.Captured[0].File, Tables.Captured[0].Bytes), (Tables.Captured[1].File, null), (Tables.Captured[2].File, Tables.Captured[2].Bytes)), unknown);

        Assert.True(firmware.IsOk, firmware.Reason);
        HostUnknown missing = Assert.Single(unknown);
        Assert.Equal(($"{AcpiTables.Directory}/IORT", "run as root"), (missing.Evidence.ToString(), missing.Remedy));
        Assert.False(firmware.Value.Find("0000:00:01.0").IsKnown);
    }

    [Fact]
    public void A_host_without_tables_is_ENOENT_and_one_that_shows_none_to_the_caller_EACCES()
    {
        List<HostUnknown> unknown = [];
        Assert.Equal(Errno.ENOENT, AcpiTables.Read(Host(("/proc/cmdline", [])), unknown).Errno);
        Assert.Empty(unknown);

        Result<AcpiFirmware> refused = AcpiTables.Read(Host(($"{AcpiTables.Directory}/APIC", null), ($"{AcpiTables.Directory}/MCFG", null)), unknown);
        Assert.Equal(Errno.EACCES, refused.Errno);
        Assert.Equal(2, unknown.Count);

        // Its name alone tells the instruction set.
        Result<AcpiFirmware> named = AcpiTables.Read(Host(($"{AcpiTables.Directory}/DMAR", null)), unknown);
        Assert.Equal(MachineArchitecture.X86, named.Value.Architecture);
        Assert.False(named.Value.Find("0000:00:01.0").IsKnown);
    }

    [Fact]
    public void Files_are_told_by_their_signature_and_a_second_table_of_one_is_noted()
    {
        (string, byte[])[] files =
        [
            ("readme.txt", Encoding.ASCII.GetBytes("tables of a machine")), ("empty", []), ("facs.bin", Other), ("a.dat", Tables.Captured[1].Bytes), ("b.aml", Tables.Captured[0].Bytes),
            ("c", Tables.Captured[2].Bytes), ("d", Tables.Captured[2].Bytes),
        ];

        AcpiFirmware firmware = Tables.Read(files);

        Assert.Equal("a.dat, offset 0xc4", firmware.Find("0000:00:01.0").Places()[0]);
        Assert.Equal(["d: a second MCFG, of which a machine has one, is left out."], firmware.Notes);
        Assert.Equal(Errno.ENOENT, AcpiFirmware.Read(files[..3]).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, AcpiFirmware.Read([files[5]]).Errno);
        Assert.Equal(Errno.EINVAL, AcpiFirmware.Read([("apic", [.. Encoding.ASCII.GetBytes("APIC"), 1])]).Errno);
    }

    [Fact]
    public void Acpidumps_text_is_as_good_as_its_tables()
    {
        var text = new StringBuilder("FACS @ 0x0000000000000000\r\n    0000: 46 41 43 53 40 00 00 00 00 00 00 00 00 00 00 00  FACS@...........\r\n\r\n");
        foreach ((string file, byte[] bytes) in Tables.Captured)
        {
            text.Append(CultureInfo.InvariantCulture, $"{file[^4..]} @ 0x000000007FFE2A4C\n");
            for (int at = 0; at < bytes.Length; at += 16)
            {
                string row = string.Concat(bytes.Skip(at).Take(16).Select(value => $"{value:X2} "));
                text.Append(CultureInfo.InvariantCulture, $"    {at:X4}: {row,-48} ab cd..\n");
            }

            text.Append('\n');
        }

        AcpiFirmware firmware = Tables.Read(("machine.acpidump", Encoding.ASCII.GetBytes(text.ToString())));

        Assert.Equal(
            ["machine.acpidump (IORT), offset 0xc4", "machine.acpidump (IORT), offset 0x8c", "machine.acpidump (APIC), offset 0x194"], firmware.Find("0000:00:01.0").Places());
    }

    [Theory]
    [InlineData(20, "tables/iort, offset 0x14: the file ends, and the header of IORT has 36 bytes; the table is left out.")]
    [InlineData(0x60, "tables/iort, offset 0x4: IORT says it has 236 bytes: expected 36 to the file's 96; the table is left out.")]
    public void A_table_cut_short_says_where(int length, string sentence)
    {
        AcpiFirmware firmware = Tables.Read(Tables.Captured[0], ("tables/iort", Tables.Captured[1].Bytes[..length]));

        Assert.Equal([sentence], firmware.Notes);
    }

    [Fact]
    public void A_table_larger_than_any_machines_is_refused()
    {
        byte[] iort = TableBuilder.Seal([.. Tables.Captured[1].Bytes, .. new byte[1 << 20]]);

        AcpiFirmware firmware = Tables.Read(Tables.Captured[0], ("iort", iort));

        Assert.Equal(["iort, offset 0x4: IORT says it has 1048812 bytes: expected 36 to 1048576; the table is left out."], firmware.Notes);
    }

    [Fact]
    public void What_follows_a_tables_end_in_its_file_does_not_matter()
    {
        AcpiFirmware firmware = Tables.Read(Tables.Captured[0], ("tables/iort", [.. Tables.Captured[1].Bytes, .. new byte[4096]]), Tables.Captured[2]);

        Assert.Single(firmware.Iommus);
    }

    [Fact]
    public void A_machine_of_another_instruction_set_is_refused()
    {
        // RINTC, a RISC-V hart's interrupt controller.
        (string, byte[]) madt = new TableBuilder("APIC", 6).U32(0).U32(0).U8(0x18).U8(20).Zeros(18).Build();

        Result<AcpiFirmware> firmware = AcpiFirmware.Read([madt]);

        Assert.Equal(Errno.EOPNOTSUPP, firmware.Errno);
        Assert.Contains("expected an APIC table with a GIC or local APICs", firmware.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void MCFG_gives_each_segments_buses_and_refuses_a_row_that_ends_before_it_begins()
    {
        AcpiFirmware firmware = Tables.Read(Tables.Gic().Build(), Tables.Mcfg((0, 0, 0x7f), (0, 0x80, 0xff), (5, 0x20, 0x2f)).U32(0).Build());
        AcpiFirmware broken = Tables.Read(Tables.Gic().Build(), Tables.Mcfg((0, 0x80, 0x7f)).Build());

        Assert.Equal([(0, 0, 0x7f), (0, 0x80, 0xff), (5, 0x20, 0x2f)], firmware.PciHosts.Select(host => (host.Segment, host.FirstBus, host.LastBus)));
        Assert.Contains(firmware.Notes, note => note.Contains("4 bytes follow MCFG's last row", StringComparison.Ordinal));
        Assert.Contains(broken.Notes, note => note.StartsWith("MCFG, offset 0x36: the buses of segment 0 are 0x80 to 0x7f", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_a_machine_has_a_virtio_IOMMU_nobody_is_said_to_have_none()
    {
        AcpiFirmware firmware = Tables.Read(Tables.Captured[0], Tables.Captured[1], Tables.Captured[2], new TableBuilder("VIOT").U16(0).U16(48).Zeros(8).Build());

        Assert.Contains("VIOT: the machine has a virtio IOMMU", Assert.Single(firmware.Notes), StringComparison.Ordinal);
        Assert.True(firmware.Find("0000:00:01.0").IsKnown);
        Assert.False(firmware.Find("0000:05:00.0").IsKnown);
    }

    [Fact]
    public void Functions_named_by_ranges_are_a_list_like_any_other()
    {
        var functions = new FunctionRanges([(1, 0x10, 0x12), (0, 0x100, 0x1ff), (0, 0x180, 0x200), (1, 0x13, 0x13), (0, 0x110, 0x111)]);

        Assert.Equal(257 + 4, functions.Count);
        Assert.Equal(functions, Enumerable.Range(0, functions.Count).Select(index => functions[index]));
        Assert.Equal(functions.Count, functions.Distinct().Count());
        Assert.All(functions.ToArray(), function => Assert.Contains(function, (ICollection<PciAddress>)functions));
        Assert.DoesNotContain(Tables.Address("0001:00:02.4"), functions);
        Assert.Equal(("0000:01:00.0", "0001:00:02.3"), (functions[0].ToString(), functions[^1].ToString()));
        Assert.Throws<ArgumentOutOfRangeException>(() => functions[functions.Count]);
    }

    /// <summary>A host that has some files; null stands for one that only root may read.</summary>
    private static HostSnapshot Host(params (string Path, byte[]? Content)[] files)
    {
        var host = new HostSnapshot("a test's host");
        foreach ((string path, byte[]? content) in files)
        {
            if (content is null)
            {
                host.AddUnreadable(path, HostFileStatus.NotPermitted);
            }
            else
            {
                host.AddFile(path, content);
            }
        }

        return host;
    }
}
