namespace Doorbell.Devices;

/// <summary>A captured function and where it was.</summary>
/// <param name="Address">Its address on the machine it was captured on.</param>
/// <param name="Function">What it is.</param>
public sealed record CapturedAt(PciAddress Address, CapturedFunction Function)
{
    /// <summary>MSI-X vectors (or, with <see cref="HostHasMsi"/>, MSI vectors) its driver had then: a port's own, mostly. They are the host's, not a client's.</summary>
    public int HostVectors { get; init; }

    /// <summary>Its driver used MSI, not MSI-X.</summary>
    public bool HostHasMsi { get; init; }
}
