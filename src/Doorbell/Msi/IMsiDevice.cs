using Doorbell.Iommu;

namespace Doorbell.Msi;

/// <summary>A device as the MSI layer sees it: an ID, an IOMMU domain, and a place messages are written to.</summary>
public interface IMsiDevice
{
    /// <summary>For events and sentences: <c>0000:01:00.0</c>.</summary>
    string Name { get; }

    /// <summary>The writer's ID at its MSI controller (msi-map, IORT).</summary>
    DeviceId DeviceId { get; }

    /// <summary>The domain its writes go through now; null where no IOMMU translates it (M7).</summary>
    IommuDomain? IommuDomain { get; }

    /// <summary>Most vectors the device can have of this kind; 0 where it lacks the capability.</summary>
    int VectorLimit(MsiKind kind);

    /// <summary>False where the device's registers have no room for the message: PCI MSI with a 32-bit address, and an address above.</summary>
    bool CanHold(MsiKind kind, in MsiMessage message) => true;

    /// <summary>Writes (or, with <c>default</c>, clears) a vector's message in the device. For <see cref="MsiKind.Msi"/> only vector 0 is written: the device adds the vector to the data.</summary>
    void WriteMessage(MsiKind kind, int vector, in MsiMessage message);

    /// <summary>Masks or unmasks a vector in the device where it can.</summary>
    void SetMask(MsiKind kind, int vector, bool masked);

    /// <summary>Turns the capability's enable bit on or off. <paramref name="count"/>: vectors in use (MSI writes it, rounded up to a power of two, to the multiple message enable field).</summary>
    void SetEnabled(MsiKind kind, bool enabled, int count);
}
