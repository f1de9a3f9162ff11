using Doorbell.Iommu;
using Doorbell.Pci;
using Doorbell.Vfio;
using Doorbell.Vfio.Iommufd;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>One device of the random test: its cdev, what is armed, and what each trigger should have counted.</summary>
internal sealed class RandomDevice(IommufdBoard board, string slot)
{
    private const ulong Doorbell = 0x809_0040;
    private const int Vectors = 8;

    private readonly CountingTrigger?[] _armed = new CountingTrigger?[Vectors];
    private readonly int[] _expected = new int[Vectors];
    private readonly bool[] _allocated = new bool[Vectors];

    public string Slot => slot;

    public VfioCdev? Cdev { get; private set; }

    /// <summary>Its number; 0 while it is not bound.</summary>
    public uint Id { get; private set; }

    /// <summary>The other device of its group.</summary>
    public RandomDevice? Mate { get; set; }

    public IommufdModel.Table? Table { get; set; }

    /// <summary>The domain its vectors' references are in.</summary>
    public IommuDomain? VectorDomain { get; set; }

    /// <summary>Vectors allocated: a reference each (N2).</summary>
    public int Allocated => _allocated.Count(static allocated => allocated);

    // A group's streams go together: attached is whoever is in a group of which one is.
    private bool IsThrough => Table is not null || Mate is { Table: not null };

    public void Bind(IommufdContext context)
    {
        Cdev = Board.Ok(board.Host.OpenCdev(slot));
        Id = Board.Ok(Cdev.BindIommufd(context));
        Span<byte> command = [0x06, 0x00];
        Board.Ok(Cdev.GetDevice().Value.WriteRegion(VfioRegionIndex.Config, PciHeader.Command, command));
        VectorDomain = Mate is { Table.Domain: { } domain } ? domain : null;
    }

    public bool Arm(int start, int count)
    {
        CountingTrigger[] triggers = [.. Enumerable.Range(0, count).Select(static _ => new CountingTrigger())];
        bool isFirst = Allocated == 0;
        bool needsMore = isFirst || !Enumerable.Range(start, count).All(vector => _allocated[vector]);
        Result<int> armed = IommufdBoard.TryArm(Cdev!, triggers, VfioIrqIndex.MsiX, (uint)start);
        if (needsMore && !IsThrough)
        {
            // Nothing is mapped in a blocked domain; vectors of this call that had been allocated before were let go of.
            Assert.Equal(Errno.ENOSPC, armed.Errno);
            Assert.All(triggers, static trigger => Assert.Equal(1, trigger.Releases));
            for (int vector = start; vector < start + count && _allocated[vector]; vector++)
            {
                _armed[vector] = null;
            }

            return false;
        }

        Assert.Equal(0, Board.Ok(armed));
        for (int vector = isFirst ? 0 : start; vector < start + count; vector++)
        {
            _allocated[vector] = true;
        }

        for (int i = 0; i < count; i++)
        {
            _armed[start + i] = triggers[i];
            _expected[start + i] = 0;
        }

        VectorDomain = IsThrough ? board.DomainOf(slot) : VectorDomain;
        return true;
    }

    /// <summary>One vector lets go of its trigger, or all go.</summary>
    public void Disarm(int? vector)
    {
        if (Allocated == 0)
        {
            return;
        }

        VfioDevice device = Cdev!.GetDevice().Value;
        if (vector is { } one && _allocated[one])
        {
            Board.Ok(device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, (uint)one, 1, default, new IEventTrigger?[1]));
            _armed[one] = null;
        }
        else if (vector is null)
        {
            Board.Ok(device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, 0, default, default));
            Forget();
        }
    }

    public void Close()
    {
        Cdev?.Release();
        Cdev = null;
        Id = 0;
        Table = null;
        Forget();
    }

    /// <summary>Whatever message the device holds is mapped for writing to the doorbell, or nothing of the device gets through.</summary>
    public void CheckN1()
    {
        IommuDomain domain = board.DomainOf(slot);
        Assert.Equal(IsThrough ? IommuDomainType.Unmanaged : IommuDomainType.Blocked, domain.Type);
        for (int vector = 0; vector < Vectors && Cdev is not null; vector++)
        {
            (ulong address, _) = IommufdBoard.MessageOf(Cdev, vector);
            Assert.True(_armed[vector] is null ? _allocated[vector] || address == 0 : address != 0);
            if (address != 0)
            {
                bool isMapped = domain.TryTranslate(new Iova(address), IommuProtection.Write, out PhysicalAddress pa);
                Assert.Equal((IsThrough, IsThrough ? Doorbell : 0), (isMapped, pa.Value));
            }
        }
    }

    /// <summary>Each armed vector arrives at its own trigger, once, and nowhere else; blocked, none does.</summary>
    public void CheckN4()
    {
        for (int vector = 0; vector < Vectors; vector++)
        {
            if (_armed[vector] is { } trigger)
            {
                IommufdBoard.Fire(Cdev!, vector);
                _expected[vector] += IsThrough ? 1 : 0;
                Assert.Equal(_expected[vector], trigger.Signals);
            }
        }
    }

    private void Forget()
    {
        Array.Clear(_armed);
        Array.Clear(_allocated);
        VectorDomain = Cdev is null ? null : VectorDomain;
    }
}
