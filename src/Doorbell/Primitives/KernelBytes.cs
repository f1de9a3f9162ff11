namespace Doorbell;

/// <summary>
/// Bytes that only the kernel may copy: a mapping of a file. Whoever cuts the file takes pages away from it; the kernel then says EFAULT, where an
/// access of this process would be its end (SIGBUS). So it is no span.
/// </summary>
/// <param name="Address">Where they are in this process.</param>
/// <param name="Length">How many.</param>
public readonly record struct KernelBytes(nint Address, int Length)
{
    /// <summary>A part of them.</summary>
    /// <param name="start">The part's first byte.</param>
    /// <param name="length">Its length; both inside.</param>
    public KernelBytes Slice(int start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)start, (uint)Length, nameof(start));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)(Length - start), nameof(length));
        return new KernelBytes(Address + start, length);
    }
}
