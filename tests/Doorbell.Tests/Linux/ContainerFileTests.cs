using System.Buffers.Binary;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Tests.Linux;

/// <summary>Dirty bitmaps in a client's memory, and which errno wins. Behaviour: drivers/vfio/vfio_iommu_type1.c of Linux 7.3.</summary>
public sealed class ContainerFileTests : IDisposable
{
    private const ulong Page = 0x1000;
    private const uint Start = 1, GetBitmap = 4;
    private const int Bits = 0x3000; // where in the client's memory the bitmaps lie

    private readonly FileRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Bits_are_written_by_words_that_keep_what_is_before_the_run_and_clear_what_is_behind_it()
    {
        Assign(VfioIommuType.Type1v2);
        Map(0, 3);
        Map(10 * Page, 60);
        Map(300 * Page, 4);
        Words().Fill(0xff00_0000_0000_0300); // bits 8, 9 and 56 to 63 of each word are the client's
        Assert.Equal(0, _rig.Ioctl(_rig.Container, VfioIoctl.IommuDirtyPages, 8, Start));
        Assert.Equal(0, Get(0, 320 * Page, 40));
        Assert.Equal(
            [
                0xffff_ffff_ffff_fc07, // 0 to 2: the word begins with them, so that the rest of it went; then 10 to 63 over it, keeping what was there
                0x0000_0000_0000_003f, // 64 to 69
                0xff00_0000_0000_0300,
                0xff00_0000_0000_0300,
                0xff00_f000_0000_0300, // 300 to 303
            ],
            Words()[..5].ToArray());
    }

    [Fact]
    public void A_bitmap_that_cannot_be_written_is_EFAULT_and_leaves_the_mapping()
    {
        Assign(VfioIommuType.Type1v2);
        Map(0, 2);
        Assert.Equal(0, _rig.Ioctl(_rig.Container, VfioIoctl.IommuDirtyPages, 8, Start));
        Assert.Equal(-(int)Errno.EFAULT, Unmap(0, 2, _rig.Client.EndAddress));
        Assert.Equal(-(int)Errno.EINVAL, Unmap(0, 2, 0x8000_0000_0000));
        Assert.Equal(0, Unmap(0, 2, _rig.Client.Address + Bits));
        Assert.Equal(3ul, Words()[0] & 0xff);
    }

    [Fact]
    public void DIRTY_PAGES_of_type1_is_EACCES_before_its_argument_is_looked_at()
    {
        Assign(VfioIommuType.Type1);
        Assert.Equal(-(int)Errno.EACCES, _rig.Client.Ioctl(_rig.Container, VfioIoctl.IommuDirtyPages, LocalClient.Nowhere));
        Assert.Equal(-(int)Errno.EACCES, _rig.Ioctl(_rig.Container, VfioIoctl.IommuDirtyPages, 4, Start));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(18)]
    [InlineData(20)]
    [InlineData(23)]
    [InlineData(24)]
    [InlineData(40)]
    public void GET_INFO_writes_as_much_of_its_structure_as_argsz_has(uint argsz)
    {
        Assign(VfioIommuType.Type1v2);
        _rig.Client.Memory[..64].Fill(0xee);
        Assert.Equal(0, _rig.Ioctl(_rig.Container, VfioIoctl.IommuGetInfo, argsz));
        int written = (int)Math.Min(argsz, 24);
        Assert.Equal(3u, BinaryPrimitives.ReadUInt32LittleEndian(_rig.Client.Memory[4..]));
        Assert.Equal(-1, _rig.Client.Memory[16..written].IndexOfAnyExcept((byte)0));
        Assert.Equal(-1, _rig.Client.Memory[written..64].IndexOfAnyExcept((byte)0xee));
    }

    [Theory]
    [InlineData("0000:01:00.0", 0)]
    [InlineData("0000:01:00.0 ", 0)]
    [InlineData("0000:01:00", (int)Errno.ENODEV)]
    [InlineData("0000:01:00.01", (int)Errno.ENODEV)]
    [InlineData("0000:01:00.0 secret=1", (int)Errno.EINVAL)]
    [InlineData("0000:01:00.0 vf_token=1234", (int)Errno.EINVAL)]
    [InlineData("0000:01:00.0 vf_token=00112233-4455-6677-8899-aabbccddeeff", (int)Errno.EINVAL)] // no function of SR-IOV
    public void GET_DEVICE_FD_takes_an_address_and_behind_it_what_vfio_pci_knows(string name, int errno)
    {
        Assign(VfioIommuType.Type1v2);
        Doorbell.Linux.Supervision.CallOutcome opened = _rig.GetDevice(name);
        Assert.Equal(errno, opened.Errno);
        opened.File?.Release();
    }

    private void Assign(uint type) => _rig.Assign(type);

    private void Map(ulong iova, ulong pages) =>
        Vfio.Board.Ok(((Doorbell.Linux.Vfio.ContainerFile)_rig.Container).Container.MapDma(
            VfioMapFlags.Read, Vfio.Board.Memory, new Iova(iova), pages * Page, _rig.Board.Client));

    private Span<ulong> Words() => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(_rig.Client.Memory.Slice(Bits, 0x100));

    private int Get(ulong iova, ulong size, ulong bytes)
    {
        ulong data = _rig.Client.Address + Bits;
        return _rig.Ioctl(_rig.Container, VfioIoctl.IommuDirtyPages, [48, GetBitmap, .. Split(iova, size, Page, bytes, data)]);
    }

    private int Unmap(ulong iova, ulong pages, ulong data) =>
        _rig.Ioctl(_rig.Container, VfioIoctl.IommuUnmapDma, [48, 1, .. Split(iova, pages * Page, Page, 8, data)]);

    private static IEnumerable<uint> Split(params ulong[] words) => words.SelectMany(static word => new[] { (uint)word, (uint)(word >> 32) });
}
