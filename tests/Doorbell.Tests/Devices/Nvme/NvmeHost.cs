using System.Buffers.Binary;
using Doorbell.Devices;
using Doorbell.Events;
using Doorbell.Pci;
using Doorbell.Tests.Pci;

namespace Doorbell.Tests.Devices;

/// <summary>A driver for tests: memory, queues and phase tags as Linux's driver keeps them.</summary>
public sealed class NvmeHost
{
    public const ulong Base = 0x1_0000_0000;
    public const ulong AdminSubmission = Base + 0x1000;
    public const ulong AdminCompletion = Base + 0x2000;
    public const ulong Page = Base + 0x3000;
    public const int MemorySize = 8 << 20;

    private readonly Dictionary<int, Queue> _queues = [];
    private ushort _nextId = 1;

    public NvmeHost(IBlockBackend? backend = null, int queuePairs = 8, int blockSize = 512)
        : this([backend ?? new MemoryBlockBackend(64 << 20)], queuePairs, blockSize)
    {
    }

    public NvmeHost(IReadOnlyList<IBlockBackend> backends, int queuePairs = 8, int blockSize = 512)
    {
        Events.Subscribe(Seen.Add);
        Backend = backends[0];
        Device = new NvmeDevice(backends, queuePairs, blockSize);
        Function = new PciFunction(new PciAddress(0, 1, 0, 0), Device, Events) { Upstream = Memory };
        Function.Enable();
    }

    public EventStream Events { get; } = new();

    public List<MachineEvent> Seen { get; } = [];

    public IBlockBackend Backend { get; }

    public NvmeDevice Device { get; }

    public PciFunction Function { get; }

    public FakeRequester Memory { get; } = new(Base, MemorySize);

    public uint Status => Function.Bar32(0, 0x1c);

    /// <summary>The host's own record of a queue pair.</summary>
    public sealed class Queue
    {
        public required int Id { get; init; }

        public required ulong Submission { get; init; }

        public required ulong Completion { get; init; }

        public required uint Entries { get; init; }

        public uint CompletionEntries { get; init; }

        public uint Tail { get; set; }

        public uint Head { get; set; }

        public bool Phase { get; set; } = true;
    }

    public readonly record struct Completion(uint Result, ushort SubmissionHead, ushort SubmissionId, ushort CommandId, ushort Status)
    {
        /// <summary>Status code type and code, without "do not retry".</summary>
        public int Code => Status & 0x7ff;
    }

    public sealed class Command
    {
        public byte Opcode { get; init; }

        public byte Flags { get; init; }

        public uint Nsid { get; init; }

        public ulong Prp1 { get; init; }

        public ulong Prp2 { get; init; }

        public uint Cdw10 { get; init; }

        public uint Cdw11 { get; init; }

        public uint Cdw12 { get; init; }

        public uint Cdw13 { get; init; }

        public ushort? Id { get; init; }
    }

    /// <summary>nvme_pci_configure_admin_queue: reset, addresses, enable.</summary>
    public void EnableController(uint entries = 32)
    {
        Function.Bar32(0, 0x14, 0);
        Function.Bar32(0, 0x24, (entries - 1) | ((entries - 1) << 16));
        Function.Bar64(0, 0x28, AdminSubmission);
        Function.Bar64(0, 0x30, AdminCompletion);
        Memory.At(AdminCompletion, 16 * (int)entries).Clear();
        _queues.Clear();
        _queues[0] = new Queue { Id = 0, Submission = AdminSubmission, Completion = AdminCompletion, Entries = entries, CompletionEntries = entries };
        Function.Bar32(0, 0x14, 0x0046_0001);
        Assert.Equal(1u, Status);
    }

    /// <summary>MSI-X on, one message a vector: address 0x1000, data 0x100 + vector.</summary>
    public void EnableMsiX()
    {
        Function.MsiX!.SetEnabled(true);
        for (int i = 0; i < Function.MsiX.VectorCount; i++)
        {
            Function.MsiX.WriteEntry(i, 0x1000, 0, 0x100 + (uint)i);
            Function.MsiX.SetMask(i, false);
        }
    }

    /// <summary>Creates completion and submission queue <paramref name="id"/>.</summary>
    public Queue CreateQueue(int id, uint entries = 64, int? vector = null, uint? completionEntries = null)
    {
        ulong at = PlaceOf(id);
        uint completions = completionEntries ?? entries;
        Memory.At(at, 0x2_0000).Clear();
        Assert.Equal(0, Admin(new Command
        {
            Opcode = 5,
            Prp1 = at,
            Cdw10 = (uint)id | ((completions - 1) << 16),
            Cdw11 = 3 | ((uint)(vector ?? id) << 16),
        }).Code);
        Assert.Equal(0, Admin(new Command
        {
            Opcode = 1,
            Prp1 = at + 0x1_0000,
            Cdw10 = (uint)id | ((entries - 1) << 16),
            Cdw11 = 1 | ((uint)id << 16),
        }).Code);
        return Track(id, entries, completions);
    }

    /// <summary>Where queue <paramref name="id"/> lies: completions here, submissions 64 KiB behind.</summary>
    public static ulong PlaceOf(int id) => Base + 0x10_0000 + ((ulong)id * 0x2_0000);

    /// <summary>The host's record of a queue pair.</summary>
    public Queue QueueOf(int id) => _queues[id];

    /// <summary>Keeps the host's record of a queue pair that has been created.</summary>
    public Queue Track(int id, uint entries, uint completionEntries) => _queues[id] =
        new Queue { Id = id, Submission = PlaceOf(id) + 0x1_0000, Completion = PlaceOf(id), Entries = entries, CompletionEntries = completionEntries };

    public Completion Admin(Command command) => Run(0, command);

    public Completion Run(int queue, Command command)
    {
        ushort id = Submit(queue, command);
        Ring(queue);
        Completion? completion = Poll(queue);
        Assert.NotNull(completion);
        Assert.Equal(id, completion.Value.CommandId);
        return completion.Value;
    }

    /// <summary>Writes a command into the queue without telling the device.</summary>
    public ushort Submit(int queue, Command command)
    {
        Queue q = _queues[queue];
        ushort id = command.Id ?? _nextId++;
        Span<byte> entry = Memory.At(q.Submission + (q.Tail * 64), 64);
        entry.Clear();
        entry[0] = command.Opcode;
        entry[1] = command.Flags;
        BinaryPrimitives.WriteUInt16LittleEndian(entry[2..], id);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], command.Nsid);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[24..], command.Prp1);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[32..], command.Prp2);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[40..], command.Cdw10);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[44..], command.Cdw11);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[48..], command.Cdw12);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[52..], command.Cdw13);
        q.Tail = (q.Tail + 1) % q.Entries;
        return id;
    }

    public void Ring(int queue) => Function.Bar32(0, 0x1000 + (8 * (ulong)queue), _queues[queue].Tail);

    /// <summary>Takes the next completion, if its phase tag says that it is new, and rings the head doorbell.</summary>
    public Completion? Poll(int queue, bool ring = true)
    {
        Queue q = _queues[queue];
        Span<byte> entry = Memory.At(q.Completion + (q.Head * 16), 16);
        ushort status = BinaryPrimitives.ReadUInt16LittleEndian(entry[14..]);
        if (((status & 1) != 0) != q.Phase)
        {
            return null;
        }

        q.Head++;
        if (q.Head == q.CompletionEntries)
        {
            q.Head = 0;
            q.Phase = !q.Phase;
        }

        if (ring)
        {
            Function.Bar32(0, 0x1004 + (8 * (ulong)queue), q.Head);
        }

        return new Completion(
            BinaryPrimitives.ReadUInt32LittleEndian(entry),
            BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]),
            BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]),
            BinaryPrimitives.ReadUInt16LittleEndian(entry[12..]),
            (ushort)(status >> 1));
    }

    /// <summary>Rings the head doorbell with what has been polled.</summary>
    public void RingHead(int queue) => Function.Bar32(0, 0x1004 + (8 * (ulong)queue), _queues[queue].Head);

    /// <summary>A read or write command of the first namespace.</summary>
    public static Command Transfer(bool write, ulong lba, int blocks, ulong prp1, ulong prp2 = 0) => new()
    {
        Opcode = write ? (byte)1 : (byte)2,
        Nsid = 1,
        Prp1 = prp1,
        Prp2 = prp2,
        Cdw10 = (uint)lba,
        Cdw11 = (uint)(lba >> 32),
        Cdw12 = (uint)(blocks - 1),
    };

    public void Write64(ulong iova, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Memory.At(iova, 8), value);
}
