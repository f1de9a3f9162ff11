using Doorbell.Iommu;

namespace Doorbell.Msi;

/// <summary>A device that is on no PCI bus as the MSI layer sees it (M9): it has its own StreamID and DeviceID, and its own way to take a message.</summary>
/// <remarks>
/// It goes the way of a PCI function: <see cref="MsiDomain.CreateDeviceVectors"/> of a platform MSI domain, <see cref="MsiKind.Platform"/>.
/// A device without mask bits is given no way to mask: a vector that is not requested then waits at the controller, and its
/// message is cleared before its doorbell goes.
/// </remarks>
/// <param name="name">For events and sentences: <c>4a000000.dma</c>.</param>
/// <param name="deviceId">What its controller calls it (msi-parent's argument).</param>
/// <param name="stream">Its stream (iommus); null where no IOMMU translates it.</param>
/// <param name="vectors">How many messages it can hold.</param>
/// <param name="write">Its write_msg.</param>
/// <param name="mask">Masks or unmasks a vector; null where the device cannot.</param>
public sealed class PlatformMsiDevice(string name, DeviceId deviceId, StreamTableEntry? stream, int vectors, PlatformMsiWrite write, Action<int, bool>? mask = null) : IMsiDevice
{
    /// <inheritdoc/>
    public string Name { get; } = name;

    /// <inheritdoc/>
    public DeviceId DeviceId { get; } = deviceId;

    /// <inheritdoc/>
    public IommuDomain? IommuDomain => stream?.Domain;

    /// <inheritdoc/>
    public int VectorLimit(MsiKind kind) => kind == MsiKind.Platform ? vectors : 0;

    /// <inheritdoc/>
    public void WriteMessage(MsiKind kind, int vector, in MsiMessage message) => write(vector, message);

    /// <inheritdoc/>
    public void SetMask(MsiKind kind, int vector, bool masked) => mask?.Invoke(vector, masked);

    /// <inheritdoc/>
    public void SetEnabled(MsiKind kind, bool enabled, int count)
    {
    }
}
