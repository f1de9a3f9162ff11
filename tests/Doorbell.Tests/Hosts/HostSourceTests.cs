using Doorbell.Hosts;
using Doorbell.Linux.Hosts;

namespace Doorbell.Tests.Hosts;

/// <summary>What a path is decides how it is read, and what is nothing of a host is said to be that.</summary>
public sealed class HostSourceTests
{
    [Fact]
    public void A_recorded_board_a_capture_and_no_path_are_hosts_and_other_things_are_not()
    {
        string folder = Directory.CreateTempSubdirectory("doorbell-test-").FullName;
        try
        {
            string plain = Path.Combine(folder, "capture"), packed = Path.Combine(folder, "packed"), text = Path.Combine(folder, "text.tar");
            Write(plain, compress: false);
            Write(packed, compress: true);
            File.WriteAllText(text, "hello");

            // By what is in it, not by its name.
            Assert.Equal([true, true, false, false, false, true], new[] { plain, packed, text, folder, Path.Combine(folder, "gone"), TestHosts.FolderOf(TestHosts.Virt) }.Select(HostSource.IsHost));
            Assert.True(HostSource.Open(plain).IsOk);
            Assert.True(HostSource.Open(packed).IsOk);
            Assert.Equal("this machine", HostSource.Open(null).Value.Name);
            Assert.Equal((Errno.EINVAL, Errno.EINVAL, Errno.ENOENT), (HostSource.Open(text).Errno, HostSource.Open(folder).Errno, HostSource.Open(Path.Combine(folder, "gone")).Errno));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_board_with_a_line_that_is_no_function_is_refused_and_names_it()
    {
        string folder = Directory.CreateTempSubdirectory("doorbell-test-").FullName;
        try
        {
            string file = Path.Combine(folder, "pci.jsonl");
            foreach (string line in new[] { "nonsense", "{}", """{"name":"0000:00:01.0","path":"../../../devices/../../etc","config":"00","resource":[]}""", """{"name":1}""" })
            {
                File.WriteAllText(file, "\n" + line + "\n");
                Result<IHostFiles> opened = HostSource.Open(folder);
                Assert.Equal(Errno.EINVAL, opened.Errno);
                Assert.Contains("line 2 of pci.jsonl", opened.Reason, StringComparison.Ordinal);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Write(string file, bool compress)
    {
        using FileStream stream = File.Create(file);
        Assert.True(HostCapture.Write(TestHosts.Board(TestHosts.Virt), stream, compress).IsOk);
    }
}
