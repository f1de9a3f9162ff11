using System.Buffers.Binary;
using Doorbell.Devices;
using static Doorbell.Tests.Devices.NvmeHost;

namespace Doorbell.Tests.Devices;

/// <summary>
/// A controller with two namespaces and the model it is compared with: an array of blocks each, the queues there are, the host's memory
/// as it must be. A step is one command, valid or not; its code is known before.
/// </summary>
internal sealed class NvmeWorld
{
    private const int BlockSize = 512;
    private const int MaxBlocks = 24;
    private const ulong Data = Base + 0x30_0000;
    private const int DataSize = MemorySize - 0x30_0000;
    private const int Pages = (MaxBlocks * BlockSize / 4096) + 2;
    private const ulong Lists = Data + 0x20_0000;
    private const ulong Nowhere = 0x7000_0000_0000;

    private readonly NvmeHost _host;
    private readonly byte[][] _blocks = [new byte[128 * BlockSize], new byte[200 * BlockSize]];
    private readonly byte[] _memory = new byte[DataSize];
    private readonly Dictionary<int, uint> _completionQueues = [];
    private readonly Dictionary<int, int> _submissionQueues = [];

    // How far a completion queue was when its submission queue went: the next one goes on there.
    private readonly Dictionary<int, (uint Head, bool Turned)> _places = [];

    public NvmeWorld()
    {
        _host = new NvmeHost([.. _blocks.Select(blocks => new MemoryBlockBackend((ulong)blocks.Length))]);
        _host.EnableMsiX();
        _host.EnableController();
        new Random(1).NextBytes(_memory);
        _memory.CopyTo(_host.Memory.At(Data, DataSize));
    }

    public void Step(Random random)
    {
        switch (random.Next(12))
        {
            case < 7 when _submissionQueues.Count > 0:
                Transfer(random);
                break;
            case 7 when _submissionQueues.Count > 0:
                Zero(random);
                break;
            case 8:
                Delete(random);
                break;
            case 9 when _submissionQueues.Count > 0:
                Expect(0x001, AnyQueue(random), new Command { Opcode = (byte)random.Next(0x80, 256), Nsid = 1 });
                break;
            default:
                Create(random);
                break;
        }
    }

    /// <summary>The host's memory, queues apart, is what the model's is: nothing outside a command's pages was written.</summary>
    public void CheckMemory() => Assert.True(_memory.AsSpan().SequenceEqual(_host.Memory.At(Data, DataSize)));

    /// <summary>Read, write or compare, with pages scattered behind two PRPs or a list, and one thing wrong at times.</summary>
    private void Transfer(Random random)
    {
        var opcode = (byte)(random.Next(3) switch { 0 => 1, 1 => 2, _ => 5 });
        int nsid = random.Next(12) == 0 ? 3 : random.Next(1, 3), count = random.Next(1, MaxBlocks + 1);
        int lba = random.Next(_blocks[(nsid - 1) % 2].Length / BlockSize + 3);
        int length = count * BlockSize, offset = random.Next(3) == 0 ? 4 * random.Next(1024) : 0;
        List<(ulong Page, int Offset, int Length)> pages = Scatter(random, length, offset);
        (ulong prp1, ulong prp2) = Point(pages, offset);
        int code = nsid == 3 ? 0x00b : lba + count > _blocks[nsid - 1].Length / BlockSize ? 0x080 : 0;
        byte flags = 0;
        switch (random.Next(12))
        {
            case 0:
                flags = (byte)(random.Next(2) == 0 ? 0x40 : 0x02);
                code = 0x002;
                break;
            case 1:
                prp1 |= 2;
                code = code == 0 ? 0x013 : code;
                break;
            case 2 when pages.Count == 2:
                prp2 |= 4;
                code = code == 0 ? 0x013 : code;
                break;
            case 3 when pages.Count > 2:
                Store64(prp2, pages[1].Page + 8);
                code = code == 0 ? 0x013 : code;
                break;
            case 4:
                prp1 = Nowhere + (prp1 & 0xfff);
                code = code == 0 ? 0x004 : code;
                break;
        }

        if (code == 0)
        {
            code = Move(opcode, _blocks[nsid - 1].AsSpan(lba * BlockSize, length), pages);
        }

        Expect(code, AnyQueue(random), new Command
        {
            Opcode = opcode, Flags = flags, Nsid = (uint)nsid, Prp1 = prp1, Prp2 = prp2, Cdw10 = (uint)lba, Cdw12 = (uint)count - 1,
        });
        foreach ((ulong page, int within, int size) in pages)
        {
            int at = (int)(page - Data) + within;
            Assert.True(_memory.AsSpan(at, size).SequenceEqual(_host.Memory.At(Data, DataSize).Slice(at, size)), $"opcode {opcode}: page 0x{page:x} is not as it must be");
        }
    }

    private int Move(byte opcode, Span<byte> blocks, List<(ulong Page, int Offset, int Length)> pages)
    {
        bool same = true;
        foreach ((ulong page, int offset, int length) in pages)
        {
            Span<byte> memory = _memory.AsSpan((int)(page - Data) + offset, length);
            switch (opcode)
            {
                case 1:
                    memory.CopyTo(blocks);
                    break;
                case 2:
                    blocks[..length].CopyTo(memory);
                    break;
                default:
                    same &= memory.SequenceEqual(blocks[..length]);
                    break;
            }

            blocks = blocks[length..];
        }

        return same ? 0 : 0x285;
    }

    private void Zero(Random random)
    {
        int volume = random.Next(2), blocks = _blocks[volume].Length / BlockSize;
        int lba = random.Next(blocks + 2), count = random.Next(1, 50);
        bool fits = lba + count <= blocks;
        if (fits)
        {
            _blocks[volume].AsSpan(lba * BlockSize, count * BlockSize).Clear();
        }

        var command = new Command { Opcode = 8, Nsid = (uint)volume + 1, Cdw10 = (uint)lba, Cdw12 = (uint)(count - 1) | (uint)(random.Next(2) << 25) };
        if (random.Next(2) == 0)
        {
            Store64(Lists, (ulong)count << 32);
            Store64(Lists + 8, (ulong)lba);
            command = new Command { Opcode = 9, Nsid = (uint)volume + 1, Prp1 = Lists, Cdw11 = 4 };
        }

        Expect(fits ? 0 : 0x080, AnyQueue(random), command);
    }

    private void Create(Random random)
    {
        int id = random.Next(11);
        bool known = id is > 0 and <= 8;
        uint entries = random.Next(6) == 0 ? (uint)(random.Next(2) * 1024) + 1 : (uint)random.Next(2, 65);
        uint contiguous = random.Next(8) == 0 ? 0u : 1;
        ulong misplaced = random.Next(8) == 0 ? 0x200UL : 0;
        int bad = entries is 1 or > 1024 ? 0x102 : contiguous == 0 ? 0x002 : misplaced != 0 ? 0x013 : 0;
        if (random.Next(2) == 0 || !known)
        {
            int vector = random.Next(10);
            int code = !known || _completionQueues.ContainsKey(id) ? 0x101 : bad != 0 ? bad : vector > 8 ? 0x108 : 0;
            if (code == 0)
            {
                _completionQueues[id] = entries;
                _host.Memory.At(PlaceOf(id), 0x1_0000).Clear();
            }

            Expect(code, 0, new Command { Opcode = 5, Prp1 = PlaceOf(id) + misplaced, Cdw10 = (uint)id | ((entries - 1) << 16), Cdw11 = 2 | contiguous | ((uint)vector << 16) });
            return;
        }

        // Each completes to the queue of its own number, or is refused: the host's record knows pairs only.
        int target = random.Next(4) == 0 ? random.Next(2) * 9 : id;
        int refused = target is 0 or 9 ? 0x101 : !_completionQueues.ContainsKey(target) ? 0x100 : _submissionQueues.ContainsKey(id) ? 0x101 : bad;
        Expect(refused, 0, new Command { Opcode = 1, Prp1 = PlaceOf(id) + 0x1_0000 + misplaced, Cdw10 = (uint)id | ((entries - 1) << 16), Cdw11 = contiguous | ((uint)target << 16) });
        if (refused == 0)
        {
            _submissionQueues[id] = target;
            Queue queue = _host.Track(id, entries, _completionQueues[id]);
            _places.TryGetValue(id, out (uint Head, bool Turned) place);
            (queue.Head, queue.Phase) = (place.Head, !place.Turned);
        }
    }

    private void Delete(Random random)
    {
        int id = random.Next(10);
        if (random.Next(2) == 0)
        {
            Expect(_submissionQueues.ContainsKey(id) ? 0 : 0x101, 0, new Command { Opcode = 0, Cdw10 = (uint)id });
            if (_submissionQueues.Remove(id))
            {
                Queue record = _host.QueueOf(id);
                _places[id] = (record.Head, !record.Phase);
            }

            return;
        }

        int code = !_completionQueues.ContainsKey(id) ? 0x101 : _submissionQueues.ContainsValue(id) ? 0x10c : 0;
        Expect(code, 0, new Command { Opcode = 4, Cdw10 = (uint)id });
        if (code == 0)
        {
            _completionQueues.Remove(id);
            _places.Remove(id);
        }
    }

    private void Expect(int code, int queue, Command command)
    {
        Completion completion = _host.Run(queue, command);
        Assert.True(code == completion.Code, $"opcode {command.Opcode} on queue {queue}: 0x{completion.Code:x}, 0x{code:x} expected");
        Assert.Equal(queue, completion.SubmissionId);
        Assert.Null(_host.Poll(queue));
        Assert.Equal(1u, _host.Status);
    }

    private int AnyQueue(Random random) => _submissionQueues.Keys.ElementAt(random.Next(_submissionQueues.Count));

    /// <summary>A transfer's pieces, each in a page of its own; no page twice.</summary>
    private static List<(ulong Page, int Offset, int Length)> Scatter(Random random, int length, int offset)
    {
        var pages = new List<(ulong, int, int)>();
        int[] order = [.. Enumerable.Range(0, 4 * Pages)];
        random.Shuffle(order);
        for (int done = 0, within = offset; done < length; within = 0)
        {
            int size = Math.Min(4096 - within, length - done);
            pages.Add((Data + (4096 * (ulong)order[pages.Count]), within, size));
            done += size;
        }

        return pages;
    }

    private (ulong Prp1, ulong Prp2) Point(List<(ulong Page, int Offset, int Length)> pages, int offset)
    {
        for (int i = 1; i < pages.Count; i++)
        {
            Store64(Lists + (8 * (ulong)(i - 1)), pages[i].Page);
        }

        return (pages[0].Page + (ulong)offset, pages.Count switch { 1 => 0, 2 => pages[1].Page, _ => Lists });
    }

    private void Store64(ulong iova, ulong value)
    {
        _host.Write64(iova, value);
        BinaryPrimitives.WriteUInt64LittleEndian(_memory.AsSpan((int)(iova - Data)), value);
    }
}
