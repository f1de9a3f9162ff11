using Doorbell.Msi;

namespace Doorbell.Vfio.Iommufd;

/// <summary>A device bound to a context (struct iommufd_device). VFIO holds it as long as the cdev is open.</summary>
internal sealed class IommufdDevice(uint id, PassthroughDevice device, IommufdGroup group) : IommufdObject(id)
{
    public PassthroughDevice Device { get; } = device;

    public IommufdGroup Group { get; } = group;

    public bool IsAttached { get; set; }

    public override string Kind => "device";

    /// <summary>Its armed vectors: one set a device, whoever asks (M9).</summary>
    public MsiDeviceVectors? Vectors => Device.MsiDomain?.CreateDeviceVectors(Device.MsiDevice);

    public override void Destroy()
    {
    }
}
