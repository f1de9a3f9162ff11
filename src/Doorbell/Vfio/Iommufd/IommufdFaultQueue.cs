namespace Doorbell.Vfio.Iommufd;

/// <summary>A queue of page requests (struct iommufd_fault). It is there to be asked for and stays empty: no device here has PRI.</summary>
internal sealed class IommufdFaultQueue(uint id) : IommufdObject(id)
{
    public override string Kind => "fault queue";

    public override void Destroy()
    {
    }
}
