namespace Doorbell.X86;

/// <summary>Whose writes an entry of the interrupt remapping table takes: SVT, SQ and SID of an IRTE (VT-d 9.10).</summary>
public readonly record struct SourceCheck
{
    private readonly ushort _sourceId;
    private readonly byte _validation;
    private readonly byte _qualifier;

    private SourceCheck(byte validation, byte qualifier, ushort sourceId)
    {
        _validation = validation;
        _qualifier = qualifier;
        _sourceId = sourceId;
    }

    /// <summary>SVT 00b: nobody is looked at.</summary>
    public static SourceCheck None => default;

    /// <summary>SVT 01b: one requester ID.</summary>
    /// <param name="requester">SID.</param>
    /// <param name="qualifier">SQ: 0 compares all 16 bits; 1 leaves out bit 2, 2 bits 2 and 1, 3 bits 2 to 0 (phantom functions).</param>
    public static SourceCheck Exactly(RequesterId requester, int qualifier = 0) => new(1, (byte)(qualifier & 3), requester.Value);

    /// <summary>SVT 10b: any requester of the buses, which is all that can be said of what is behind a bridge to PCI.</summary>
    public static SourceCheck Buses(byte first, byte last) => new(2, 0, (ushort)((first << 8) | last));

    /// <summary>True where the entry takes the requester's writes.</summary>
    public bool Accepts(RequesterId requester) => _validation switch
    {
        0 => true,
        1 => ((requester.Value ^ _sourceId) & ~Ignored) == 0,
        _ => requester.Value >> 8 >= _sourceId >> 8 && requester.Value >> 8 <= (_sourceId & 0xff),
    };

    private int Ignored => _qualifier switch
    {
        0 => 0,
        1 => 4,
        2 => 6,
        _ => 7,
    };

    /// <inheritdoc/>
    public override string ToString() => _validation switch
    {
        0 => "anybody",
        1 when _qualifier == 0 => $"{new RequesterId(_sourceId)}",
        1 => $"{new RequesterId(_sourceId)} but for bits 0x{Ignored:x}",
        _ => $"buses 0x{_sourceId >> 8:x2} to 0x{_sourceId & 0xff:x2}",
    };
}
