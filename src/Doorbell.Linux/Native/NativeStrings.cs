using System.Runtime.InteropServices;

namespace Doorbell.Linux.Native;

/// <summary>An argv or envp: an array of pointers to NUL-ended strings, ended by NULL, outside of the managed heap.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly int _count;

    private NativeStrings(int count)
    {
        _count = count;
        Pointer = (byte**)NativeMemory.AllocZeroed((nuint)(count + 1), (nuint)sizeof(byte*));
    }

    /// <summary>What execve(2) takes.</summary>
    internal byte** Pointer { get; private set; }

    internal static NativeStrings From(IReadOnlyList<byte[]> strings)
    {
        var result = new NativeStrings(strings.Count);
        for (int i = 0; i < strings.Count; i++)
        {
            result.Set(i, strings[i]);
        }

        return result;
    }

    /// <summary>From the form of /proc/PID/environ: strings with a NUL after each, whatever bytes they are.</summary>
    internal static NativeStrings FromBlock(ReadOnlySpan<byte> block)
    {
        var parts = new List<Range>();
        for (int start = 0; start < block.Length;)
        {
            int length = block[start..].IndexOf((byte)0);
            int end = length < 0 ? block.Length : start + length;
            parts.Add(start..end);
            start = end + 1;
        }

        var result = new NativeStrings(parts.Count);
        for (int i = 0; i < parts.Count; i++)
        {
            result.Set(i, block[parts[i]]);
        }

        return result;
    }

    public void Dispose()
    {
        if (Pointer is not null)
        {
            for (int i = 0; i < _count; i++)
            {
                NativeMemory.Free(Pointer[i]);
            }

            NativeMemory.Free(Pointer);
            Pointer = null;
        }
    }

    private void Set(int index, ReadOnlySpan<byte> text)
    {
        byte* copy = (byte*)NativeMemory.Alloc((nuint)text.Length + 1);
        text.CopyTo(new Span<byte>(copy, text.Length));
        copy[text.Length] = 0;
        Pointer[index] = copy;
    }
}
