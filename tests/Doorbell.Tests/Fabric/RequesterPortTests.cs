using Doorbell.Events;
using Doorbell.Fabric;

namespace Doorbell.Tests.Fabric;

/// <summary>A function's way upstream where no IOMMU stands in it.</summary>
public class RequesterPortTests
{
    private readonly EventStream _events = new();
    private readonly List<MachineEvent> _seen = [];
    private readonly PhysicalBus _bus = new();
    private readonly ClientMemory _memory = new();
    private readonly RequesterPort _port;
    private readonly Iova _inClient;

    public RequesterPortTests()
    {
        _events.Subscribe(_seen.Add);
        _inClient = new Iova(PhysicalBus.AddressOf(_bus.AddSpace(_memory).Value, 0x1000).Value);
        _port = new RequesterPort("0000:01:00.0", default, default, stream: null, _bus, _events);
    }

    [Fact]
    public void A_device_no_IOMMU_translates_reaches_no_clients_memory_by_its_place_in_the_physical_map()
    {
        Assert.False(_port.Read(_inClient, new byte[4]));
        Assert.False(_port.Write(_inClient, new byte[16]));
        Assert.False(_port.WriteMsi(_inClient, 1));
        Assert.Equal(0, _memory.Accesses);
        Assert.Equal([false, true, true], _seen.OfType<BusAbort>().Select(abort => abort.IsWrite));
        Assert.All(_seen.OfType<BusAbort>(), abort => Assert.Equal(_inClient, abort.Iova));
    }

    private sealed class ClientMemory : IHostMemory
    {
        public int Accesses { get; private set; }

        public bool TryRead(ulong address, Span<byte> destination) => ++Accesses > 0;

        public bool TryWrite(ulong address, ReadOnlySpan<byte> source) => ++Accesses > 0;
    }
}
