using Doorbell.Iommu;
using Doorbell.Pci;
using Doorbell.Vfio;
using Doorbell.Vfio.Iommufd;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>A board, one open of /dev/iommu and cdevs bound to it.</summary>
internal sealed class IommufdBoard
{
    public const IoasMapFlags ReadWrite = IoasMapFlags.Readable | IoasMapFlags.Writeable;
    public const IoasMapFlags Fixed = ReadWrite | IoasMapFlags.FixedIova;
    public const string First = "0000:01:00.0";
    public const string Second = "0000:02:00.0";

    public IommufdBoard(string machine = "virt-gicv3", bool allowUnsafe = false, params string[] slots)
    {
        Board = new Board(machine, allowUnsafe, slots.Length == 0 ? [First, Second] : slots);
        Context = Host.OpenIommufd();
    }

    public Board Board { get; }

    public VfioHost Host => Board.Host;

    public IommufdContext Context { get; }

    public IommuDomain DomainOf(string name = First) => Board.Physical(name).Iommu!.GetStream(Board.Physical(name).StreamId).Domain;

    /// <summary>open and VFIO_DEVICE_BIND_IOMMUFD.</summary>
    public VfioCdev Bind(string name = First, IommufdContext? context = null)
    {
        VfioCdev cdev = Board.Ok(Host.OpenCdev(name));
        Board.Ok(cdev.BindIommufd(context ?? Context));
        return cdev;
    }

    public uint NewIoas() => Board.Ok(Context.AllocateIoas());

    /// <summary>Bound and attached to an IOAS.</summary>
    public VfioCdev Attach(uint ioas, string name = First)
    {
        VfioCdev cdev = Bind(name);
        Board.Ok(cdev.AttachIommufdPt(ioas));
        return cdev;
    }

    public Result<Iova> TryMap(uint ioas, ulong iova, ulong length, IoasMapFlags flags = Fixed, ulong offset = 0) =>
        Context.Map(flags, ioas, Board.Memory + offset, length, new Iova(iova), Board.Client);

    public ulong Map(uint ioas, ulong iova, ulong length, IoasMapFlags flags = Fixed, ulong offset = 0) =>
        Board.Ok(TryMap(ioas, iova, length, flags, offset)).Value;

    public static Result<int> TryArm(VfioCdev cdev, CountingTrigger[] triggers, uint index = VfioIrqIndex.MsiX, uint start = 0) =>
        cdev.GetDevice().Value.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, index, start, (uint)triggers.Length, default, triggers);

    public static CountingTrigger[] Arm(VfioCdev cdev, int count, uint index = VfioIrqIndex.MsiX, uint start = 0)
    {
        Span<byte> command = [0x06, 0x00];
        Board.Ok(cdev.GetDevice().Value.WriteRegion(VfioRegionIndex.Config, PciHeader.Command, command));
        CountingTrigger[] triggers = [.. Enumerable.Range(0, count).Select(static _ => new CountingTrigger())];
        Board.Ok(TryArm(cdev, triggers, index, start));
        return triggers;
    }

    /// <summary>Whether the device's vector arrived.</summary>
    public static bool Fire(VfioCdev cdev, int vector = 0) => cdev.Device.Function.RaiseMsi(vector);

    /// <summary>The message in the device's MSI-X entry, address and data.</summary>
    public static (ulong Address, uint Data) MessageOf(VfioCdev cdev, int vector = 0)
    {
        MsiXEntry entry = cdev.Device.Function.MsiX!.ReadEntry(vector);
        return (entry.Address, entry.Data);
    }
}
