namespace Doorbell.Vfio.Iommufd;

/// <summary>What a number of a context names (struct iommufd_object).</summary>
internal abstract class IommufdObject(uint id)
{
    /// <summary>Its number: the lowest that was free, from 1.</summary>
    public uint Id { get; } = id;

    /// <summary>Others that hold it; IOMMU_DESTROY of it is EBUSY until there are none.</summary>
    public int Users { get; set; }

    /// <summary>What it is, in sentences.</summary>
    public abstract string Kind { get; }

    /// <inheritdoc/>
    public sealed override string ToString() => $"{Kind} {Id}";

    /// <summary>Nobody holds it: it gives back what it has.</summary>
    public abstract void Destroy();
}
