namespace Doorbell.Devices;

/// <summary>QEMU's teaching device as far as it interrupts: a write to the raise register is an interrupt (QEMU, docs/specs/edu: 0x60).</summary>
internal sealed class CapturedEdu(CapturedFunction function) : CapturedRegisters(function)
{
    private const uint Raise = 0x60;

    /// <inheritdoc/>
    protected override ReadOnlySpan<uint> Acting => [Raise];

    /// <inheritdoc/>
    protected override void Write(uint offset, uint value) => Function.RaiseMsi(0);
}
