using System.Numerics;

namespace Doorbell.Devices;

/// <summary>An Intel 82576 as far as software makes it interrupt: extended interrupt cause set (EICS), a bit an MSI-X vector; device control as after a reset.</summary>
internal sealed class CapturedIgb(CapturedFunction function) : CapturedRegisters(function)
{
    private const uint Ctrl = 0x0000;
    private const uint Eics = 0x1520;

    // Full duplex (0), LRST (3), speed 1000 (9), ADVD3WUC (20).
    private const uint CtrlAfterReset = 1 << 0 | 1 << 3 | 1 << 9 | 1 << 20;

    /// <inheritdoc/>
    protected override ReadOnlySpan<uint> Acting => [Eics];

    /// <inheritdoc/>
    protected override ReadOnlySpan<uint> Readable => [Ctrl];

    /// <inheritdoc/>
    protected override uint Read(uint offset) => offset == Ctrl ? CtrlAfterReset : 0;

    /// <inheritdoc/>
    protected override void Write(uint offset, uint value)
    {
        for (uint causes = value; causes != 0; causes &= causes - 1)
        {
            Function.RaiseMsi(BitOperations.TrailingZeroCount(causes));
        }
    }
}
