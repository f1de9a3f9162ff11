namespace Doorbell.SystemTests.Support;

/// <summary>Follows a device's interrupts through the event trace and holds every step to the rules.</summary>
internal sealed class MsiTrace
{
    private const ulong PageMask = 0xfff;

    private readonly Dictionary<(string Iommu, string Domain, ulong Iova), ulong> _bindings = [];
    private readonly Dictionary<(string Device, string Vector), (ulong Address, ulong Data)> _messages = [];
    private readonly Dictionary<(string Device, string Vector), long> _deliveries = [];
    private readonly HashSet<(string Device, string Vector)> _allocated = [];
    private readonly ulong _doorbell;
    private readonly ulong _windowStart;
    private readonly ulong _windowEnd;
    private long _translated;

    /// <summary>Reads a trace.</summary>
    /// <param name="events">All of it.</param>
    /// <param name="doorbell">The controller's doorbell register, physical.</param>
    /// <param name="windowStart">First IOVA of the machine's MSI window, 1 MiB long.</param>
    public MsiTrace(IReadOnlyList<TraceEvent> events, ulong doorbell, ulong windowStart = 0x0800_0000)
    {
        _doorbell = doorbell;
        _windowStart = windowStart;
        _windowEnd = windowStart + 0x10_0000;
        foreach (TraceEvent step in events)
        {
            Follow(step);
        }
    }

    /// <summary>MSIs that reached their vector, a vector each.</summary>
    public IReadOnlyDictionary<(string Device, string Vector), long> Deliveries => _deliveries;

    /// <summary>V7, N2: no vector, message or binding is left.</summary>
    public void MustEndEmpty()
    {
        Assert.Empty(_allocated);
        Assert.Empty(_messages);
        Assert.Empty(_bindings);
    }

    private void Follow(TraceEvent step)
    {
        switch (step.Kind)
        {
            case "doorbell.bind":
                Assert.True(step.Number("pa") == (_doorbell & ~PageMask), $"the page of the doorbell is bound: {step}");
                Assert.True(step.Number("iova") >= _windowStart && step.Number("iova") + step.Number("size") <= _windowEnd, $"N3, inside the window: {step}");
                Assert.True(_bindings.TryAdd(Binding(step), step.Number("pa")), $"I4, mapped once a domain: {step}");
                break;
            case "doorbell.unbind":
                Assert.True(_bindings.Remove(Binding(step)), $"only what was bound is unbound: {step}");
                break;
            case "msi.alloc":
                Assert.True(_allocated.Add(Vector(step)), $"allocated once: {step}");
                break;
            case "msi.free":
                Assert.True(_allocated.Remove(Vector(step)), $"only what was allocated is freed: {step}");
                Assert.False(_messages.ContainsKey(Vector(step)), $"M6, the message is cleared before the vector is freed: {step}");
                break;
            case "msi.message" when step.Number("address") == 0:
                _messages.Remove(Vector(step));
                break;
            case "msi.message":
                Assert.True(step.Number("doorbell") == _doorbell, $"M4, the doorbell of the controller: {step}");
                Assert.True(IsBound(step.Number("address")), $"N1, the device holds an address that is mapped: {step}");
                Assert.True((step.Number("address") & PageMask) == (_doorbell & PageMask), $"I4, the same offset in the page: {step}");
                _messages[Vector(step)] = (step.Number("address"), step.Number("data"));
                break;
            case "msi.write":
                Assert.True(step.Number("pa") == _doorbell, $"the IOMMU leads it to the doorbell: {step}");
                Assert.Contains(_messages, held => held.Key.Device == step["device"] && held.Value == (step.Number("iova"), step.Number("data")));
                _translated++;
                break;
            case "msi.deliver":
                Assert.True(_messages.TryGetValue(Vector(step), out (ulong Address, ulong Data) message), $"N4, only an armed vector is raised: {step}");
                Assert.True(message.Data == step.Number("data"), $"N4, raised by the message the device holds: {step}");
                _deliveries[Vector(step)] = _deliveries.GetValueOrDefault(Vector(step)) + 1;
                Assert.True(_deliveries.Values.Sum() <= _translated, $"no delivery without a translated write: {step}");
                break;
        }
    }

    private static (string Iommu, string Domain, ulong Iova) Binding(TraceEvent step) => (step["iommu"], step["domain"], step.Number("iova"));

    private static (string Device, string Vector) Vector(TraceEvent step) => (step["device"], step["vector"]);

    private bool IsBound(ulong address) =>
        _bindings.Any(binding => binding.Key.Iova == (address & ~PageMask) && binding.Value == (_doorbell & ~PageMask));
}
