using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <content>VFIO_IOMMU_DIRTY_PAGES and the bitmaps of dirty pages.</content>
internal sealed partial class ContainerFile
{
    private const int WordBits = 64;

    private static readonly byte[] _allDirty = Filled(1 << 16);

    private CallOutcome DirtyPages(ClientCall call, ulong argument)
    {
        // type1 (not v2) says EACCES before it looks at the argument.
        Result tracks = container.CheckTracksDirty();
        if (!tracks.IsOk)
        {
            return tracks.Outcome();
        }

        if (!call.TryReadArgs(argument, out VfioDirtyBitmapArgs args, out CallOutcome refusal))
        {
            return refusal;
        }

        if ((VfioDirtyFlags)args.Flags != VfioDirtyFlags.GetBitmap)
        {
            return container.ControlDirtyPages((VfioDirtyFlags)args.Flags).Outcome();
        }

        if (!TryReadTail(call, argument, args.Argsz, Unsafe.SizeOf<VfioDirtyBitmapArgs>(), out VfioDirtyBitmapGetArgs get, out refusal))
        {
            return refusal;
        }

        return !IsUserRange(get.Bitmap)
            ? CallOutcome.Fail(Errno.EINVAL, "the bitmap lies where no program has memory")
            : container.GetDirtyPages(new Iova(get.Iova), get.Size, BitmapOf(call, new Iova(get.Iova), get.Bitmap)).Outcome();
    }

    // What follows a structure where argsz says so.
    private static bool TryReadTail<T>(ClientCall call, ulong argument, uint argsz, int head, out T tail, out CallOutcome refusal)
        where T : unmanaged
    {
        tail = default;
        bool isPromised = argsz >= (uint)(head + Unsafe.SizeOf<T>());
        refusal = CallOutcome.Fail(isPromised ? Errno.EFAULT : Errno.EINVAL);
        return isPromised && call.TryRead(argument + (ulong)head, out tail);
    }

    // access_ok: EINVAL for a bitmap beyond a program's addresses, before any bit is written.
    private static bool IsUserRange(in VfioBitmapArgs bitmap)
    {
        ulong end = 1UL << (RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 47 : 48);
        return bitmap.Size <= end && bitmap.Data <= end - bitmap.Size;
    }

    private static VfioDirtyBitmap BitmapOf(ClientCall call, Iova start, VfioBitmapArgs bitmap)
    {
        int shift = BitOperations.TrailingZeroCount(bitmap.PageSize);
        return new(
            bitmap.PageSize,
            bitmap.Size,
            range => WriteBits(call, bitmap.Data, (range.First.Value - start.Value) >> shift, ((range.Last.Value - range.First.Value) >> shift) + 1));
    }

    /// <summary>
    /// Sets a run of bits by words, as the kernel does (update_user_bitmap): of the first word what is there is kept where the run begins inside it, the last one's bits
    /// beyond the run are cleared.
    /// </summary>
    private static bool WriteBits(ClientCall call, ulong data, ulong bit, ulong count)
    {
        ulong at = data + (bit / WordBits * sizeof(ulong));
        int inside = (int)(bit % WordBits);
        if (inside != 0)
        {
            if (!call.TryRead(at, out ulong word))
            {
                return false;
            }

            ulong here = Math.Min(count, (ulong)(WordBits - inside));
            word |= Ones(here) << inside;
            if (!call.TryWrite(at, in word, sizeof(ulong)))
            {
                return false;
            }

            at += sizeof(ulong);
            count -= here;
        }

        for (ulong bytes = count / WordBits * sizeof(ulong); bytes != 0;)
        {
            int step = (int)Math.Min(bytes, (ulong)_allDirty.Length);
            if (!call.TryWrite(at, _allDirty.AsSpan(0, step)))
            {
                return false;
            }

            at += (ulong)step;
            bytes -= (ulong)step;
        }

        ulong rest = Ones(count % WordBits);
        return rest == 0 || call.TryWrite(at, in rest, sizeof(ulong));
    }

    private static ulong Ones(ulong count) => count == WordBits ? ulong.MaxValue : (1UL << (int)count) - 1;

    private static byte[] Filled(int length)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(0xff);
        return bytes;
    }
}
