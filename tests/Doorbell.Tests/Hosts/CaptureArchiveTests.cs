using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Doorbell.Hosts;
using Doorbell.Linux.Hosts;

namespace Doorbell.Tests.Hosts;

/// <summary>A capture is read back as the host it was taken of, whoever made the archive; one that means harm is refused with a sentence.</summary>
public sealed class CaptureArchiveTests
{
    [Theory]
    [InlineData("virt-gicv3-its-smmuv3", false)]
    [InlineData("virt-gicv3-its-smmuv3-acpi", true)]
    [InlineData("virt-gicv2m-smmuv3", true)]
    [InlineData("virt-gicv3-its-smmuv3-debian16k", false)]
    [InlineData("virt-gicv3-its-noiommu", false)]
    public void A_capture_of_a_board_says_what_the_board_says(string board, bool compress)
    {
        HostSnapshot files = TestHosts.CopyOf(TestHosts.Board(board), HostMask.Apply);
        string expected = TestHosts.TextOf(HostReader.Read(files));
        using var archive = new MemoryStream();
        Result<HostCaptureSummary> written = HostCapture.Write(TestHosts.Board(board), archive, compress);
        Assert.True(written.IsOk, written.Reason);
        Assert.Empty(written.Value.Unread);

        IHostFiles read = Read(archive);
        Assert.Equal(expected, TestHosts.TextOf(HostReader.Read(read)));
        foreach (string path in HostInventory.Of(files).Where(static item => item.Kind == HostInventoryKind.File).Select(static item => item.Path))
        {
            HostFileStatus status = files.TryRead(path, out byte[] content);
            Assert.Equal(status, read.TryRead(path, out byte[] again));
            Assert.Equal(content, again);
        }
    }

    [Fact]
    public void What_could_not_be_read_is_in_the_manifest_and_is_known_to_be_there_after_it()
    {
        HostSnapshot files = TestHosts.Bare();
        files.AddUnreadable(HostPaths.DeviceTree, HostFileStatus.NotPermitted);
        files.AddUnreadable(HostPaths.IrqDomains, HostFileStatus.Failed);
        using var archive = new MemoryStream();
        HostCaptureSummary summary = HostCapture.Write(files, archive, compress: false).Value;
        Assert.Equal([HostPaths.DeviceTree, HostPaths.IrqDomains], summary.Unread.Keys);

        IHostFiles read = Read(archive);
        Assert.Equal(HostFileStatus.NotPermitted, read.StatusOf(HostPaths.DeviceTree));
        Assert.Equal(HostFileStatus.Failed, read.StatusOf(HostPaths.IrqDomains));
        Assert.Equal(HostFileStatus.Missing, read.StatusOf(HostPaths.Modules));
        Assert.Empty(read.List(HostPaths.IommuGroups));
        Assert.Equal(HostFileStatus.Read, read.StatusOf(HostPaths.IommuGroups));
    }

    [Theory]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.V7)]
    public void Every_common_kind_of_tar_is_read(TarEntryFormat format)
    {
        string deep = format is TarEntryFormat.Gnu or TarEntryFormat.Pax ? string.Concat(Enumerable.Repeat("0000:00:00.0/", 20)) : "";
        using var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, format, leaveOpen: true))
        {
            writer.WriteEntry(Entry(format, TarEntryType.Directory, "./sys/class/iommu/", null));
            writer.WriteEntry(Entry(format, format == TarEntryFormat.V7 ? TarEntryType.V7RegularFile : TarEntryType.RegularFile, $"./sys/devices/{deep}config", "abc"));
            writer.WriteEntry(Entry(format, TarEntryType.SymbolicLink, "sys/link", $"devices/{deep}config"));
            writer.WriteEntry(Entry(format, TarEntryType.HardLink, "sys/same", $"./sys/devices/{deep}config"));
        }

        IHostFiles files = Read(archive);
        Assert.Equal(HostFileStatus.Read, files.StatusOf("/sys/class/iommu"));
        foreach (string path in new[] { $"/sys/devices/{deep}config", "/sys/link", "/sys/same" })
        {
            Assert.Equal(HostFileStatus.Read, files.TryRead(path, out byte[] content));
            Assert.Equal("abc"u8.ToArray(), content);
        }
    }

    [Theory]
    [InlineData("../etc/passwd", "leads out")]
    [InlineData("sys/../../etc/passwd", "leads out")]
    public void A_name_that_leads_out_is_refused(string path, string sentence)
    {
        Assert.Contains(sentence, Refused(static (writer, name) => writer.WriteEntry(Entry(TarEntryFormat.Gnu, TarEntryType.RegularFile, name, "x")), path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_out_leads_nowhere()
    {
        using var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, TarEntryFormat.Gnu, leaveOpen: true))
        {
            writer.WriteEntry(Entry(TarEntryFormat.Gnu, TarEntryType.SymbolicLink, "proc/version", "/etc/passwd"));
            writer.WriteEntry(Entry(TarEntryFormat.Gnu, TarEntryType.SymbolicLink, "proc/cmdline", "../../../../etc/passwd"));
        }

        IHostFiles files = Read(archive);
        Assert.Equal(HostFileStatus.Missing, files.TryRead("/proc/version", out _));
        Assert.Equal(HostFileStatus.Missing, files.TryRead("/proc/cmdline", out _));
    }

    [Fact]
    public void A_file_that_claims_more_than_any_of_a_host_has_is_refused_before_it_is_read()
    {
        byte[] header = Header("proc/version", "77777777777", (byte)'0');
        Assert.Contains("8589934591 bytes", Refused(header), StringComparison.Ordinal);
        Assert.Contains("larger than", Refused(Header("x", "77777777777", (byte)'x')), StringComparison.Ordinal);
        Assert.Contains("larger than", Refused(Header("x", "77777777777", (byte)'L')), StringComparison.Ordinal);
    }

    [Fact]
    public void A_small_archive_that_unpacks_to_more_than_a_host_is_refused_and_its_content_is_never_held()
    {
        // 300 MiB of zeros behind an entry that is not kept: 300 KiB of gzip.
        using var archive = new MemoryStream();
        using (var packed = new GZipStream(archive, CompressionLevel.Fastest, leaveOpen: true))
        {
            packed.Write(Header("big", Convert.ToString(300L << 20, 8).PadLeft(11, '0'), (byte)'3'));
            byte[] part = new byte[1 << 20];
            for (int i = 0; i < 300; i++)
            {
                packed.Write(part);
            }
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("unpacks to more than", Refused(archive.ToArray()), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void Names_that_stand_for_more_directories_than_any_host_has_are_refused()
    {
        using var archive = new MemoryStream();
        using (var packed = new GZipStream(archive, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (int i = 0; i < 20_000; i++)
            {
                packed.Write(Header($"{i}/" + string.Concat(Enumerable.Repeat("a/", 45)), "00000000000", (byte)'5'));
            }
        }

        Assert.Contains("files, links and directories", Refused(archive.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_that_stands_for_more_directories_than_any_host_has_is_refused()
    {
        string way = string.Concat(Enumerable.Repeat("/a", 2000));
        string manifest = string.Concat(Enumerable.Range(0, 140).Select(i => $"failed /{i}{way}\n"));
        string sentence = Refused(
            (writer, name) =>
            {
                writer.WriteEntry(Entry(TarEntryFormat.Gnu, TarEntryType.RegularFile, "proc/version", "x"));
                writer.WriteEntry(Entry(TarEntryFormat.Gnu, TarEntryType.RegularFile, name, manifest));
            },
            "MANIFEST");
        Assert.Contains("MANIFEST names", sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_whose_target_is_no_path_is_refused()
    {
        byte[] file = Header("proc/version", "00000000000", (byte)'0');
        Assert.Contains("points at no path", Refused([.. file, .. Header("sys/class/iommu/x", "00000000000", (byte)'2')]), StringComparison.Ordinal);

        // Extended headers can say what no other can.
        foreach (string target in new[] { "", "a\0b", new string('a', 4097) })
        {
            string said = $" linkpath={target}\n";
            int length = said.Length + 1;
            length += $"{said.Length + $"{length}".Length}".Length - 1;
            byte[] record = new byte[(length + 511) / 512 * 512];
            Encoding.ASCII.GetBytes(length + said, record);
            byte[] archive = [.. file, .. Header("x", Convert.ToString(length, 8).PadLeft(11, '0'), (byte)'x'), .. record, .. Header("sys/class/iommu/x", "00000000000", (byte)'2')];
            Assert.Contains("points at no path", Refused(archive), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_capture_of_a_host_with_such_a_link_is_written_and_lists_it_as_not_read()
    {
        HostSnapshot files = TestHosts.Bare();
        files.AddLink("/sys/class/iommu/x", "");
        files.AddLink("/sys/class/iommu/y", "a\0b");
        using var archive = new MemoryStream();
        Assert.Equal(["/sys/class/iommu/x", "/sys/class/iommu/y"], HostCapture.Write(files, archive, compress: false).Value.Unread.Keys);
    }

    [Fact]
    public void Functions_behind_many_bridges_have_long_names_and_come_through()
    {
        HostSnapshot files = TestHosts.Bare();
        string way = "pci0000:00/" + string.Join('/', Enumerable.Range(0, 12).Select(static i => $"0000:{i:x2}:00.0"));
        files.AddLink(HostPaths.PciDevices + "/0000:0c:00.0", $"../../../devices/{way}/0000:0c:00.0");
        files.AddFile($"/sys/devices/{way}/0000:0c:00.0/config", new byte[256]);
        using var archive = new MemoryStream();
        Assert.True(HostCapture.Write(files, archive, compress: false).IsOk);

        HostFunction function = Assert.Single(HostReader.Read(Read(archive)).Functions);
        Assert.Equal((256, "0000:0b:00.0"), (function.Config.Length, function.Parent.ToString()));
    }

    [Fact]
    public void What_is_no_archive_or_a_damaged_one_is_refused()
    {
        using var whole = new MemoryStream();
        Assert.True(HostCapture.Write(TestHosts.Board(TestHosts.Virt), whole, compress: true).IsOk);
        Assert.Contains("not a capture", Refused("hello"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("not a capture", Refused([]), StringComparison.Ordinal);
        Assert.Contains("not a capture", Refused(new byte[1024]), StringComparison.Ordinal);
        Assert.Contains("not a capture", Refused(whole.ToArray()[..2000]), StringComparison.Ordinal);

        var random = new Random(9);
        for (int i = 0; i < 300; i++)
        {
            byte[] mutated = [.. Unpacked(whole).AsSpan(0, 1 << 16)];
            for (int j = random.Next(1, 10); j > 0; j--)
            {
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            }

            Result<IHostFiles> read = TarHostFiles.Read("mutated.tar", new MemoryStream(mutated));
            Assert.True(read.IsOk || read.Reason.StartsWith("mutated.tar ", StringComparison.Ordinal), read.Reason);
        }
    }

    [Fact]
    public void A_directory_is_read_as_what_it_unpacks_from()
    {
        string folder = Directory.CreateTempSubdirectory("doorbell-test-").FullName;
        try
        {
            IHostFiles files = TestHosts.Board(TestHosts.Virt);
            PutInto(folder, files);
            File.WriteAllText(Path.Combine(folder, "MANIFEST"), "not-permitted /sys/firmware\n");

            Result<IHostFiles> opened = HostSource.Open(folder);
            Assert.True(opened.IsOk, opened.Reason);
            Assert.Equal(TestHosts.TextOf(HostReader.Read(files)).Split("unknown: ")[0], TestHosts.TextOf(HostReader.Read(opened.Value)).Split("unknown: ")[0]);
            Assert.Equal(HostFileStatus.NotPermitted, opened.Value.TryRead(HostPaths.DeviceTree, out _));

            // A link out of it begins at it.
            File.CreateSymbolicLink(Path.Combine(folder, "proc", "absolute"), "/proc/version");
            File.CreateSymbolicLink(Path.Combine(folder, "proc", "out"), "../../../../../../../../etc/passwd");
            File.CreateSymbolicLink(Path.Combine(folder, "proc", "loop"), "loop");
            Assert.Equal(HostFileStatus.Read, opened.Value.TryRead("/proc/absolute", out byte[] content));
            Assert.StartsWith("Linux version 7.3.4", Encoding.UTF8.GetString(content), StringComparison.Ordinal);
            Assert.Equal(HostFileStatus.Missing, opened.Value.TryRead("/proc/out", out _));
            Assert.Equal(HostFileStatus.Missing, opened.Value.TryRead("/proc/loop", out _));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static System.Formats.Tar.TarEntry Entry(TarEntryFormat format, TarEntryType type, string name, string? content)
    {
        System.Formats.Tar.TarEntry entry = format switch
        {
            TarEntryFormat.Gnu => new GnuTarEntry(type, name),
            TarEntryFormat.Pax => new PaxTarEntry(type, name),
            TarEntryFormat.V7 => new V7TarEntry(type, name),
            _ => new UstarTarEntry(type, name),
        };
        if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
        {
            entry.LinkName = content!;
        }
        else if (content is not null)
        {
            entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content));
        }

        return entry;
    }

    private static void PutInto(string folder, IHostFiles files)
    {
        foreach (HostInventoryItem item in HostInventory.Of(files))
        {
            string path = folder + item.Path;
            Directory.CreateDirectory(item.Kind == HostInventoryKind.Directory ? path : Path.GetDirectoryName(path)!);
            if (item.Kind == HostInventoryKind.Link && files.ReadLink(item.Path) is { } target)
            {
                File.CreateSymbolicLink(path, target);
            }
            else if (item.Kind == HostInventoryKind.File && files.TryRead(item.Path, out byte[] content) == HostFileStatus.Read)
            {
                File.WriteAllBytes(path, content);
            }
        }
    }

    private static byte[] Header(string name, string size, byte type)
    {
        byte[] header = new byte[512];
        Encoding.ASCII.GetBytes(name, header);
        Encoding.ASCII.GetBytes(size, header.AsSpan(124));
        "ustar"u8.CopyTo(header.AsSpan(257));
        header[156] = type;
        int sum = (8 * ' ') + header.Sum(static one => one);
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0'), header.AsSpan(148));
        return header;
    }

    private static byte[] Unpacked(MemoryStream packed)
    {
        using var unpacked = new MemoryStream();
        using var stream = new GZipStream(new MemoryStream(packed.ToArray()), CompressionMode.Decompress);
        stream.CopyTo(unpacked);
        return unpacked.ToArray();
    }

    private static string Refused(Action<TarWriter, string> write, string name)
    {
        using var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, TarEntryFormat.Gnu, leaveOpen: true))
        {
            write(writer, name);
        }

        return Refused(archive.ToArray());
    }

    private static string Refused(byte[] archive)
    {
        Result<IHostFiles> read = TarHostFiles.Read("bad.tar", new MemoryStream(archive));
        Assert.Equal(Errno.EINVAL, read.Errno);
        return read.Reason!;
    }

    private static IHostFiles Read(MemoryStream archive)
    {
        Result<IHostFiles> read = TarHostFiles.Read("test.tar", new MemoryStream(archive.ToArray()));
        Assert.True(read.IsOk, read.Reason);
        return read.Value;
    }
}
