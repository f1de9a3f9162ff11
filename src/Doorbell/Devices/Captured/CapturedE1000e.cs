namespace Doorbell.Devices;

/// <summary>An Intel 82574 as far as software makes it interrupt by MSI: cause set (ICS) where the mask (IMS, IMC) lets it; device control as after a reset.</summary>
internal sealed class CapturedE1000e(CapturedFunction function) : CapturedRegisters(function)
{
    private const uint Ctrl = 0x00;
    private const uint Ics = 0xc8;
    private const uint Ims = 0xd0;
    private const uint Imc = 0xd8;

    // Full duplex (0), set link up (6), speed 1000 (9), software pins 0 and 2 (18, 20), flow control both ways (27, 28).
    private const uint CtrlAfterReset = 1 << 0 | 1 << 6 | 1 << 9 | 1 << 18 | 1 << 20 | 1 << 27 | 1 << 28;

    private uint _unmasked;

    /// <inheritdoc/>
    protected override ReadOnlySpan<uint> Acting => [Imc, Ims, Ics];

    /// <inheritdoc/>
    protected override ReadOnlySpan<uint> Readable => [Ctrl];

    /// <inheritdoc/>
    public override void Reset() => _unmasked = 0;

    /// <inheritdoc/>
    protected override uint Read(uint offset) => offset == Ctrl ? CtrlAfterReset : 0;

    /// <inheritdoc/>
    protected override void Write(uint offset, uint value)
    {
        switch (offset)
        {
            case Imc:
                _unmasked &= ~value;
                break;
            case Ims:
                _unmasked |= value;
                break;
            case Ics when (value & _unmasked) != 0:
                Function.RaiseMsi(0);
                break;
        }
    }
}
