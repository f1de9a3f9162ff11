namespace Doorbell.Linux.Supervision;

/// <summary>A part of a file, bytes.</summary>
internal readonly record struct FileRange(ulong Offset, ulong Length)
{
    /// <summary>The byte after it.</summary>
    internal ulong End => Offset + Length;
}
