namespace Doorbell.Linux.Hosts;

/// <summary>An entry of a tar, of the kinds a capture is made of.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Path">As the archive names it.</param>
/// <param name="Link">Of a link: where it points.</param>
/// <param name="Size">Of a file: its bytes.</param>
internal readonly record struct TarEntry(TarEntryKind Kind, string Path, string Link, long Size);
