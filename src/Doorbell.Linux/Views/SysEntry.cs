namespace Doorbell.Linux.Views;

/// <summary>One entry of the client's view.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Path">Absolute, below /sys or /dev.</param>
/// <param name="Content">A file's bytes, or a link's target in UTF-8; empty for the others.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record SysEntry(SysEntryKind Kind, string Path, ReadOnlyMemory<byte> Content, int Mode)
{
    private const int AnyMayWrite = 0x92; // 0222

    /// <summary>
    /// The supervisor answers opens of it: a node, or a file that a real kernel lets be written to, where the answer to an open for writing is no
    /// (<see cref="SysfsWrites"/>).
    /// </summary>
    internal bool IsAnswered => Kind == SysEntryKind.Node || (Kind is SysEntryKind.File or SysEntryKind.LiveFile && (Mode & AnyMayWrite) != 0);
}
