using Doorbell.Msi;

namespace Doorbell.Tests.Captures;

/// <summary>A device as an earlier run left it at its MSI controller: its DeviceID and its vectors, with no function that would notice.</summary>
internal sealed class PastDevice(string name, DeviceId deviceId, int vectors) : IMsiDevice
{
    public string Name { get; } = name;

    public DeviceId DeviceId { get; } = deviceId;

    public Doorbell.Iommu.IommuDomain? IommuDomain => null;

    public int VectorLimit(MsiKind kind) => vectors;

    public void WriteMessage(MsiKind kind, int vector, in MsiMessage message)
    {
    }

    public void SetMask(MsiKind kind, int vector, bool masked)
    {
    }

    public void SetEnabled(MsiKind kind, bool enabled, int count)
    {
    }
}
