namespace Doorbell.Vfio;

/// <summary>Through what a device was opened: its group, or its cdev.</summary>
internal interface IVfioDeviceOwner
{
    /// <summary>The device's last open is gone; it is off and was reset (V7).</summary>
    void Closed(VfioDevice device);
}
