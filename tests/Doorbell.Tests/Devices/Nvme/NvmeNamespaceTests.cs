using System.Buffers.Binary;
using Doorbell.Devices;
using static Doorbell.Tests.Devices.NvmeHost;

namespace Doorbell.Tests.Devices;

/// <summary>Namespaces (NVMe 1.4, 5.15, 6.1): what is said of each, and that each has its own blocks.</summary>
public class NvmeNamespaceTests
{
    private const ulong Data = Base + 0x30_0000;
    private const ulong Back = Base + 0x50_0000;

    private readonly RecordingBackend _readOnly = new(new MemoryBlockBackend(3 << 20)) { IsReadOnly = true };
    private readonly RecordingBackend _second = new(new MemoryBlockBackend(2 << 20));
    private readonly NvmeHost _host;

    public NvmeNamespaceTests()
    {
        _host = new NvmeHost([new MemoryBlockBackend(1 << 20), _second, _readOnly]);
        _host.EnableMsiX();
        _host.EnableController();
        _host.CreateQueue(1);
        new Random(3).NextBytes(_host.Memory.At(Data, 1 << 20));
    }

    [Fact]
    public void Each_namespace_has_its_size_its_names_and_its_protection()
    {
        Assert.Equal(3u, BinaryPrimitives.ReadUInt32LittleEndian(Identify(1).AsSpan(516)));
        var names = new HashSet<string>();
        for (uint id = 1; id <= 3; id++)
        {
            byte[] volume = Identify(0, id);
            Assert.Equal(id << 11, BinaryPrimitives.ReadUInt64LittleEndian(volume));
            Assert.Equal(volume[..8], volume[8..16]);
            Assert.Equal(0x09, volume[33]);
            Assert.Equal(id == 3 ? 1 : 0, volume[99]);
            Assert.Equal(volume, Identify(0x11, id));

            byte[] names03 = Identify(3, id);
            Assert.Equal([1, 8, 0, 0], names03[..4]);
            Assert.Equal(volume[120..128], names03[4..12]);
            Assert.Equal([2, 16, 0, 0], names03[12..16]);
            Assert.Equal(volume[104..120], names03[16..32]);
            Assert.Equal([3, 16, 0, 0], names03[32..36]);
            Assert.Equal(0, names03[52]);
            Assert.Equal(0x02, volume[120] & 0x03); // locally administered, of one device
            Assert.True(names.Add(Convert.ToHexString(volume.AsSpan(104, 24))) & names.Add(Convert.ToHexString(names03.AsSpan(36, 16))));
        }
    }

    [Theory]
    [InlineData(0x02u)]
    [InlineData(0x10u)]
    public void The_list_begins_above_the_number_asked_for(uint cns)
    {
        byte[] page = Identify(cns, 1);
        Assert.Equal([2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0], page[..12]);
        Assert.Equal(new byte[4], Identify(cns, 3)[..4]);
    }

    [Theory]
    [InlineData(0x12u, 0, 1)]
    [InlineData(0x13u, 0, 1)]
    [InlineData(0x13u, 1, 0)]
    public void The_controller_is_number_0_of_one(uint cns, uint from, int count)
    {
        byte[] page = Identify(cns | (from << 16), 1);
        Assert.Equal([(byte)count, 0, 0, 0], page[..4]);
    }

    [Fact]
    public void Blocks_of_one_namespace_are_not_those_of_another()
    {
        Assert.Equal(0, _host.Run(1, Transfer(true, 5, 1, Data)).Code);
        Assert.Equal(0, _host.Run(1, On(2, 1, 5, 1, Data + 0x1000)).Code);
        Assert.Equal(0, _host.Run(1, On(1, 2, 5, 1, Back)).Code);
        Assert.Equal(0, _host.Run(1, On(2, 2, 5, 1, Back + 0x1000)).Code);
        Assert.Equal(_host.Memory.At(Data, 512).ToArray(), _host.Memory.At(Back, 512).ToArray());
        Assert.Equal(_host.Memory.At(Data + 0x1000, 512).ToArray(), _host.Memory.At(Back + 0x1000, 512).ToArray());
        Assert.Equal(0x080, _host.Run(1, On(1, 2, 2048, 1, Back)).Code);
        Assert.Equal(0, _host.Run(1, On(2, 2, 2048, 1, Back)).Code);
        Assert.Equal(0x00b, _host.Run(1, On(4, 2, 0, 1, Back)).Code);
    }

    [Theory]
    [InlineData(1, 0x020)]
    [InlineData(8, 0x020)]
    [InlineData(9, 0x020)]
    [InlineData(2, 0)]
    [InlineData(0, 0)]
    public void A_write_protected_namespace_refuses_what_would_change_it(byte opcode, int code)
    {
        Assert.Equal(code, _host.Run(1, On(3, opcode, 0, 1, Page)).Code);
        Assert.Equal(0, _readOnly.Writes + _readOnly.Zeroed.Count);
    }

    [Fact]
    public void Flush_reaches_one_namespace_or_all()
    {
        Assert.Equal(0, _host.Run(1, new Command { Nsid = 2 }).Code);
        Assert.Equal((1, 0), (_second.Flushes, _readOnly.Flushes));
        Assert.Equal(0, _host.Run(1, new Command { Nsid = 0xffff_ffff }).Code);
        Assert.Equal((2, 1), (_second.Flushes, _readOnly.Flushes));
        _second.Answer = BlockStatus.Failed;
        Assert.Equal(0x280, _host.Run(1, new Command { Nsid = 0xffff_ffff }).Code);
        Assert.Equal(2, _readOnly.Flushes);
    }

    private static Command On(uint nsid, byte opcode, ulong lba, int blocks, ulong prp1) =>
        new() { Opcode = opcode, Nsid = nsid, Prp1 = prp1, Cdw10 = (uint)lba, Cdw12 = (uint)blocks - 1 };

    private byte[] Identify(uint cdw10, uint nsid = 0)
    {
        _host.Memory.At(Page, 4096).Fill(0xee);
        Assert.Equal(0, _host.Admin(new Command { Opcode = 6, Nsid = nsid, Prp1 = Page, Cdw10 = cdw10 }).Code);
        return _host.Memory.At(Page, 4096).ToArray();
    }
}
