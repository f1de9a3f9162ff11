using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Iommu;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

/// <summary>A platform device: a DMA engine with a done interrupt a channel, each with a message in its own registers; behind an IOMMU stream and a DeviceID of its own.</summary>
internal sealed class SampleDma
{
    private readonly MsiMessage[] _messages;
    private readonly MsiHint[] _hints;
    private readonly RequesterPort _port;
    private readonly PhysicalBus _bus;

    public SampleDma(string name, DeviceId deviceId, StreamTableEntry? stream, PhysicalBus bus, EventStream events, int channels)
    {
        _messages = new MsiMessage[channels];
        _hints = new MsiHint[channels];
        _bus = bus;
        _port = new RequesterPort(name, default, deviceId, stream, bus, events);
        Stream = stream;
        Msi = new PlatformMsiDevice(name, deviceId, stream, channels, Take);
    }

    public StreamTableEntry? Stream { get; }

    public PlatformMsiDevice Msi { get; }

    public List<MsiMessage> Taken { get; } = [];

    public MsiMessage this[int channel] => _messages[channel];

    public bool Done(int channel) => _messages[channel] != default && _port.WriteMsi(new Iova(_messages[channel].Address), _messages[channel].Data, ref _hints[channel]);

    /// <summary>N1: what it holds leads to a frame.</summary>
    public void CheckN1()
    {
        foreach (MsiMessage message in _messages)
        {
            PhysicalAddress pa = new(message.Address);
            Assert.True(
                message == default || ((Stream is null || Stream.TryTranslate(new Iova(message.Address), IommuProtection.Write, out pa)) && _bus.TryGetTarget(pa, out _, out _)),
                $"{message} leads nowhere");
        }
    }

    private void Take(int channel, MsiMessage message)
    {
        _messages[channel] = message;
        Taken.Add(message);
        CheckN1();
    }
}
