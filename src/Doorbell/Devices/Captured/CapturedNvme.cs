namespace Doorbell.Devices;

/// <summary>An NVMe controller that says how large its queues may be (CAP, NVMe 1.4, 3.1.1) and does nothing.</summary>
internal sealed class CapturedNvme(CapturedFunction function) : CapturedRegisters(function)
{
    private const uint Cap = 0x00;

    // Queues of 2048 entries (MQES), contiguous (CQR), 7.5 s to become ready (TO).
    private const uint CapLow = 0x7ff | 1 << 16 | 0xf << 24;

    /// <inheritdoc/>
    protected override ReadOnlySpan<uint> Acting => [];

    /// <inheritdoc/>
    protected override ReadOnlySpan<uint> Readable => [Cap];

    /// <inheritdoc/>
    protected override uint Read(uint offset) => offset == Cap ? CapLow : 0;

    /// <inheritdoc/>
    protected override void Write(uint offset, uint value)
    {
    }
}
