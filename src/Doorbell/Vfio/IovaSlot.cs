namespace Doorbell.Vfio;

/// <summary>A range of a container's IOVAs that is taken: the user's mapping or the window for doorbells (struct vfio_dma and its type in the series, V1). One tree holds both, so that neither can overlap the other (N5).</summary>
internal abstract record IovaSlot(Iova Iova, ulong Size)
{
    public Iova Last => Iova + (Size - 1);
}
