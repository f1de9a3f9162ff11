using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Doorbell.Linux.Supervision;

namespace Doorbell.Linux.Vfio;

/// <summary>uAPI structures in the client's memory: each is copied once, in or out.</summary>
internal static class ClientStructs
{
    internal static bool TryRead<T>(this ClientCall call, ulong address, out T value)
        where T : unmanaged
    {
        value = default;
        return call.TryRead(address, MemoryMarshal.AsBytes(new Span<T>(ref value)));
    }

    /// <summary>Reads a structure that begins with its argsz, as VFIO's do.</summary>
    /// <param name="call">The call.</param>
    /// <param name="address">The call's argument.</param>
    /// <param name="args">The structure.</param>
    /// <param name="refusal">EFAULT where it is not there, EINVAL where the client knows less of it than there is.</param>
    internal static bool TryReadArgs<T>(this ClientCall call, ulong address, out T args, out CallOutcome refusal)
        where T : unmanaged
    {
        bool isThere = call.TryRead(address, out args);
        uint argsz = MemoryMarshal.Read<uint>(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in args)));
        refusal = CallOutcome.Fail(isThere ? Errno.EINVAL : Errno.EFAULT);
        return isThere && argsz >= Unsafe.SizeOf<T>();
    }

    /// <summary>The same for a structure whose last member is padding that a client need not know of.</summary>
    /// <param name="call">The call.</param>
    /// <param name="address">The call's argument.</param>
    /// <param name="minimum">Bytes that a client knows at the least; no more are read.</param>
    /// <param name="args">The structure, zero where it was not read.</param>
    /// <param name="refusal">As above.</param>
    internal static bool TryReadArgs<T>(this ClientCall call, ulong address, int minimum, out T args, out CallOutcome refusal)
        where T : unmanaged
    {
        args = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref args));
        bool isThere = call.TryRead(address, bytes[..minimum]);
        refusal = CallOutcome.Fail(isThere ? Errno.EINVAL : Errno.EFAULT);
        return isThere && MemoryMarshal.Read<uint>(bytes) >= minimum;
    }

    /// <summary>Writes the first <paramref name="length"/> bytes of a structure.</summary>
    internal static bool TryWrite<T>(this ClientCall call, ulong address, in T value, int length)
        where T : unmanaged =>
        call.TryWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value))[..length]);

    internal static CallOutcome Outcome(this Result result) => result.IsOk ? CallOutcome.Of(0) : CallOutcome.Fail(result.Errno, result.Reason);

    internal static CallOutcome Outcome(this Result<int> result) => result.IsOk ? CallOutcome.Of(result.Value) : CallOutcome.Fail(result.Errno, result.Reason);
}
