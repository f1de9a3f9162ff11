using Doorbell.Pci;

namespace Doorbell.Machines;

/// <summary>Gives every BAR an address in the host bridge's windows, and every port the window its devices need, as firmware would.</summary>
internal static class BarPlacement
{
    private const ulong BridgeWindow = 0x10_0000;
    private const uint PrefetchableIs64Bit = 0x0001_0001;

    /// <summary>EINVAL or ENOSPC with a sentence where a BAR does not fit.</summary>
    public static Result Place(PciHostBridge host, PciHostDescription description)
    {
        WindowAllocator low = new(description.Windows.Where(static window => window.BusAddress <= uint.MaxValue));
        WindowAllocator high = new(description.Windows.Where(static window => window.BusAddress > uint.MaxValue));
        return ArePlaced(host, description) ? Result.Ok : PlaceBus(host.RootBus, low, high, description.Name);
    }

    // Captured functions alone on a host have addresses that fit together already: those their own firmware gave them.
    private static bool ArePlaced(PciHostBridge host, PciHostDescription description) => host.Buses
        .SelectMany(static bus => bus.Functions)
        .All(function => function.HasFixedConfigSpace && function.Bars.All(bar => bar is not { IsMemory: true } || IsInWindow(bar, description)));

    private static bool IsInWindow(PciBar bar, PciHostDescription description) =>
        description.Windows.Any(window => window.BusAddress <= bar.Address && bar.Address <= window.BusLast && bar.Size - 1 <= window.BusLast - bar.Address);

    private static Result PlaceBus(PciBus bus, WindowAllocator low, WindowAllocator high, string host)
    {
        foreach (PciFunction function in bus.Functions)
        {
            foreach (PciBar? bar in function.Bars)
            {
                if (bar is { IsMemory: true })
                {
                    Result placed = PlaceBar(function, bar, low, high, host);
                    if (!placed.IsOk)
                    {
                        return placed;
                    }
                }
            }
        }

        foreach (PciFunction function in bus.Functions)
        {
            if (function is PciBridge { Secondary: { } secondary } bridge)
            {
                low.Align(BridgeWindow);
                high.Align(BridgeWindow);
                ulong lowStart = low.Next, highStart = high.Next;
                Result placed = PlaceBus(secondary, low, high, host);
                if (!placed.IsOk)
                {
                    return placed;
                }

                low.Align(BridgeWindow);
                high.Align(BridgeWindow);
                Forward(bridge, lowStart, low.Next, highStart, high.Next);
            }
        }

        return Result.Ok;
    }

    private static Result PlaceBar(PciFunction function, PciBar bar, WindowAllocator low, WindowAllocator high, string host)
    {
        bool wantsHigh = bar.Kind == PciBarKind.Memory64 && bar.Prefetchable;
        if ((wantsHigh && high.TryAllocate(bar.Size, out ulong address)) || low.TryAllocate(bar.Size, out address)
            || (bar.Kind == PciBarKind.Memory64 && high.TryAllocate(bar.Size, out address)))
        {
            return bar.Place(address);
        }

        return Result.Fail(Errno.ENOSPC, $"BAR {bar.Index} of {function.Name} (0x{bar.Size:x} bytes) fits in no window of {host}");
    }

    // PCI-to-PCI bridge windows, in units of 1 MiB; an empty one has its base above its limit (PCIe base 7.5.1.3.8, .9).
    private static void Forward(PciBridge bridge, ulong lowStart, ulong lowEnd, ulong highStart, ulong highEnd)
    {
        bridge.Config.Define32(PciHeader.MemoryBase, lowEnd > lowStart ? Range((uint)lowStart, (uint)(lowEnd - 1)) : Range(0xfff0_0000, 0));
        bool hasHigh = highEnd > highStart;
        bridge.Config.Define32(PciHeader.PrefetchableBase, (hasHigh ? Range((uint)highStart, (uint)(highEnd - 1)) : Range(0xfff0_0000, 0)) | PrefetchableIs64Bit);
        bridge.Config.Define32(PciHeader.PrefetchableBaseUpper, hasHigh ? (uint)(highStart >> 32) : 0);
        bridge.Config.Define32(PciHeader.PrefetchableBaseUpper + 4, hasHigh ? (uint)((highEnd - 1) >> 32) : 0);
    }

    private static uint Range(uint first, uint last) => ((first >> 16) & 0xfff0) | (last & 0xfff0_0000);

    private sealed class WindowAllocator(IEnumerable<PciWindowDescription> windows)
    {
        private readonly List<(ulong First, ulong End)> _windows = [.. windows.Select(static window => (window.BusAddress, window.BusAddress + window.Range.Size))];
        private int _current;
        private ulong _offset;

        public ulong Next => _current < _windows.Count ? _windows[_current].First + _offset : 0;

        public void Align(ulong size)
        {
            if (_current < _windows.Count)
            {
                _offset = ((Next + (size - 1)) & ~(size - 1)) - _windows[_current].First;
            }
        }

        public bool TryAllocate(ulong size, out ulong address)
        {
            ulong offset = _offset;
            for (int window = _current; window < _windows.Count; window++, offset = 0)
            {
                (ulong first, ulong end) = _windows[window];
                address = (first + offset + (size - 1)) & ~(size - 1);
                if (address >= first && address < end && size <= end - address)
                {
                    _current = window;
                    _offset = address + size - first;
                    return true;
                }
            }

            address = 0;
            return false;
        }
    }
}
