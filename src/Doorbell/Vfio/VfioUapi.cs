namespace Doorbell.Vfio;

/// <summary>Which uAPI a client finds (V6). One engine serves both.</summary>
public enum VfioUapi
{
    /// <summary>Linux as it is: the window for doorbells is there from the first group on (I9), GET_INFO lists the usable IOVA ranges around it.</summary>
    Mainline,

    /// <summary>
    /// The series, v6: no window until the user registers one with VFIO_DMA_MAP_FLAG_MSI_RESERVED_IOVA (V1), GET_INFO says that MSIs need one
    /// and of how many pages (V2), and a doorbell is unmapped with its last reference (I7).
    /// </summary>
    ReservedIovaV6,
}
