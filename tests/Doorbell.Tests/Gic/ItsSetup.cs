using Doorbell.Gic;

namespace Doorbell.Tests.Gic;

/// <summary>What software does with an ITS's registers, for tests that are the software.</summary>
internal static class ItsSetup
{
    /// <summary>Gives it flat tables of 4 KiB pages (512 entries each) and enables it.</summary>
    public static void Start(this GicV3Its its, int devicePages = 1, int collectionPages = 1)
    {
        its.Give(0, devicePages);
        if (collectionPages != 0)
        {
            its.Give(1, collectionPages);
        }

        its.ControlFrame.Write(ItsRegister.Ctlr, ItsRegister.CtlrEnabled);
    }

    /// <summary>Gives it memory for a table; the register as it reads then.</summary>
    public static ItsBaser Give(this GicV3Its its, int index, int pages, ulong pageSize = 0x1000, bool indirect = false)
    {
        ulong offset = ItsRegister.Baser + ((ulong)index * 8);
        PhysicalAddress memory = its.Gic.Memory.Allocate((ulong)pages * pageSize);
        its.ControlFrame.Write(offset, new ItsBaser(its.ControlFrame.Read(offset)).With(memory, pageSize, pages, indirect).Value);
        return new ItsBaser(its.ControlFrame.Read(offset));
    }

    /// <summary>A queue of 4 KiB: 128 commands.</summary>
    public static PhysicalAddress GiveQueue(this GicV3Its its)
    {
        PhysicalAddress queue = its.Gic.Memory.Allocate(0x1000);
        its.ControlFrame.Write(ItsRegister.Cbaser, ItsRegister.Valid | queue.Value);
        return queue;
    }

    public static void Put(this GicV3Its its, PhysicalAddress queue, int slot, in ItsCommand command)
    {
        byte[] entry = new byte[ItsCommandEncoding.Size];
        ItsCommandEncoding.Write(command, entry);
        Assert.True(its.Gic.Memory.TryWrite(queue.Value + ((ulong)slot * 32), entry));
    }
}
