using System.Numerics;
using System.Runtime.CompilerServices;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <content>VFIO_IOMMU_DIRTY_PAGES and the bitmaps of dirty pages.</content>
internal sealed partial class ContainerFile
{
    private const int ChunkBytes = 4096;

    private CallOutcome DirtyPages(ClientCall call, ulong argument)
    {
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

        VfioDirtyBitmap dirty = new(get.Bitmap.PageSize, get.Bitmap.Size);
        Result result = container.GetDirtyPages(new Iova(get.Iova), get.Size, dirty);
        return !result.IsOk ? CallOutcome.Fail(result.Errno, result.Reason)
            : WriteBits(call, new Iova(get.Iova), dirty, get.Bitmap.Data) ? CallOutcome.Of(0)
            : CallOutcome.Fail(Errno.EFAULT);
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

    // Sets the bits of what is dirty and leaves the others alone.
    private static bool WriteBits(ClientCall call, Iova start, VfioDirtyBitmap dirty, ulong data)
    {
        int shift = BitOperations.TrailingZeroCount(dirty.PageSize);
        Span<byte> chunk = stackalloc byte[ChunkBytes];
        foreach (IovaRange range in dirty.Ranges)
        {
            ulong bit = (range.First.Value - start.Value) >> shift;
            ulong end = ((range.Last.Value - start.Value) >> shift) + 1;
            while (bit < end)
            {
                ulong first = bit / 8;
                int length = (int)Math.Min(ChunkBytes, ((end - 1) / 8) - first + 1);
                Span<byte> bytes = chunk[..length];
                if (!call.TryRead(data + first, bytes))
                {
                    return false;
                }

                for (ulong limit = Math.Min(end, (first + (ulong)length) * 8); bit < limit; bit++)
                {
                    bytes[(int)((bit / 8) - first)] |= (byte)(1 << (int)(bit % 8));
                }

                if (!call.TryWrite(data + first, bytes))
                {
                    return false;
                }
            }
        }

        return true;
    }
}
