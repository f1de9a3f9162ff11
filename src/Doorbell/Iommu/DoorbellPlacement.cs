namespace Doorbell.Iommu;

/// <summary>Where in a window a doorbell's granules go. Guarded by the window's lock.</summary>
internal abstract class DoorbellPlacement
{
    /// <summary>True where others than this window's domain keep the same place for the same doorbell: what has it mapped there is no rival, and mapping it twice is mapping it once.</summary>
    public abstract bool IsShared { get; }

    /// <summary>True where every place is in a window that is the doorbells' alone (N5).</summary>
    public virtual bool IsWindow => true;

    /// <summary>Granules that are taken.</summary>
    public abstract long UsedGranules { get; }

    /// <summary>Number of the granule an IOVA is in, small where places are taken first; negative where it is none of these.</summary>
    public abstract int IndexOf(Iova iova);

    /// <summary>ENOMEM or ENOSPC where the window is full.</summary>
    public abstract Result<Iova> Take(PhysicalAddress page, ulong granules);

    /// <summary>Gives the place back; nothing translates it any more (I7, N3).</summary>
    public abstract void Give(Iova iova, ulong granules);

    /// <summary><see cref="IndexOf"/> where places are taken from the start up.</summary>
    protected static int IndexFrom(Iova start, Iova iova, int order) => iova >= start ? (int)Math.Min((iova.Value - start.Value) >> order, int.MaxValue) : -1;
}
