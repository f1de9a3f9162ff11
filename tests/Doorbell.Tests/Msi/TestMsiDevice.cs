using System.Numerics;
using Doorbell.Iommu;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

/// <summary>A device that writes down what is done to it, and checks N1 whenever its messages change.</summary>
internal sealed class TestMsiDevice(TestBoard board, string name, uint deviceId, IommuDomain? domain) : IMsiDevice
{
    private readonly Dictionary<(MsiKind Kind, int Vector), MsiMessage> _messages = [];
    private readonly HashSet<(MsiKind Kind, int Vector)> _unmasked = [];

    public string Name { get; } = name;

    public DeviceId DeviceId { get; } = new(deviceId);

    public IommuDomain? IommuDomain { get; set; } = domain;

    public Dictionary<MsiKind, int> Limits { get; } = new() { [MsiKind.MsiX] = 10, [MsiKind.Msi] = 1 };

    /// <summary>What was done, in order: <c>mask 0</c>, <c>message 0 0x8000040 0x0</c>, <c>enable MsiX 4</c>.</summary>
    public List<string> Log { get; } = [];

    public MsiKind? EnabledKind { get; private set; }

    public int EnabledCount { get; private set; }

    /// <summary>The device was taken out of its domain while armed: what it holds is aborted, and N1 waits until it is attached again.</summary>
    public bool IsDetached { get; set; }

    /// <summary>The device is in its next domain and what differs there is not rewritten yet: N1 waits for what is masked, and for nothing else.</summary>
    public bool IsMoving { get; set; }

    /// <summary>Called before each message is written, as the world is then.</summary>
    public Action<MsiKind, int, MsiMessage>? BeforeWrite { get; set; }

    public int VectorLimit(MsiKind kind) => Limits.GetValueOrDefault(kind);

    public bool IsMasked(MsiKind kind, int vector) => !_unmasked.Contains((kind, vector));

    public MsiMessage Held(MsiKind kind, int vector) => _messages.GetValueOrDefault((kind, vector));

    public void WriteMessage(MsiKind kind, int vector, in MsiMessage message)
    {
        Interleaving.Point($"writes message {message} of {Name}");
        BeforeWrite?.Invoke(kind, vector, message);
        if (kind == MsiKind.MsiX)
        {
            Assert.True(IsMasked(kind, vector), "an MSI-X entry is written while it is unmasked");
        }

        if (kind == MsiKind.Msi)
        {
            Assert.Equal(0, vector);
        }

        Log.Add($"message {vector} {message.Address:x} {message.Data:x}");
        if (message == default)
        {
            _messages.Remove((kind, vector));
        }
        else
        {
            _messages[(kind, vector)] = message;
        }

        CheckN1();
    }

    public void SetMask(MsiKind kind, int vector, bool masked)
    {
        Interleaving.Point(masked ? "masks" : "unmasks");
        Log.Add($"{(masked ? "mask" : "unmask")} {vector}");
        _ = masked ? _unmasked.Remove((kind, vector)) : _unmasked.Add((kind, vector));
        CheckN1();
    }

    public void SetEnabled(MsiKind kind, bool enabled, int count)
    {
        Log.Add($"{(enabled ? "enable" : "disable")} {kind} {count}");
        EnabledKind = enabled ? kind : null;
        EnabledCount = enabled ? count : 0;
        CheckN1();
    }

    /// <summary>What it holds: messages, which vectors it may send, and whether it may at all.</summary>
    public string Describe()
    {
        int given = EnabledKind == MsiKind.Msi ? EnabledCount : int.MaxValue;
        IEnumerable<string> held = _messages.Select(message => $"{message.Key} has {message.Value}");
        IEnumerable<string> unmasked = _unmasked.Where(vector => vector.Kind == EnabledKind && vector.Vector < given).Select(vector => $"{vector} is unmasked");
        return string.Join("; ", held.Concat(unmasked).Order(StringComparer.Ordinal).Append($"{EnabledKind} is enabled"));
    }

    /// <summary>Everything the device held is gone, as after a function level reset.</summary>
    public void Reset()
    {
        _messages.Clear();
        _unmasked.Clear();
        EnabledKind = null;
        EnabledCount = 0;
    }

    /// <summary>N1: every address the device holds is mapped to a doorbell, for writing; and it holds one for whatever it may send, as a cleared message would be a write to address 0.</summary>
    public void CheckN1()
    {
        if (EnabledKind == MsiKind.Msi)
        {
            Assert.True(_messages.ContainsKey((MsiKind.Msi, 0)), $"{Name} has MSI enabled and no message");
        }

        foreach ((MsiKind kind, int vector) in EnabledKind == MsiKind.MsiX ? _unmasked : [])
        {
            Assert.True(kind != MsiKind.MsiX || _messages.ContainsKey((kind, vector)), $"{Name} has MSI-X vector {vector} unmasked and no message for it");
        }

        foreach (MsiMessage message in _messages.Where(held => !IsDetached && (!IsMoving || _unmasked.Contains(held.Key))).Select(held => held.Value))
        {
            Assert.True(TryReach(message, out PhysicalAddress pa), $"{Name} holds {message}, which its domain does not map");
            Assert.Contains(pa, board.Doorbells);
        }
    }

    /// <summary>The device raises a vector with the message it holds, mask or not. False: it holds none, or the IOMMU aborts it.</summary>
    public bool Send(int vector) => Send(EnabledKind ?? MsiKind.Platform, vector);

    public bool Send(MsiKind kind, int vector)
    {
        MsiMessage message = Held(kind, kind == MsiKind.Msi ? 0 : vector);
        if (kind == MsiKind.Msi && message != default)
        {
            // The device owns the low bits that multiple message enable gave it.
            uint given = BitOperations.RoundUpToPowerOf2((uint)EnabledCount);
            message = message with { Data = (message.Data & ~(given - 1)) | ((uint)vector & (given - 1)) };
        }

        return message != default && TryReach(message, out PhysicalAddress pa) && board.Write(this, pa, message.Data);
    }

    private bool TryReach(MsiMessage message, out PhysicalAddress pa)
    {
        pa = new PhysicalAddress(message.Address);
        return IommuDomain is null || !IommuDomain.MsiMapping || IommuDomain.TryTranslate(new Iova(message.Address), IommuProtection.Write, out pa);
    }
}
