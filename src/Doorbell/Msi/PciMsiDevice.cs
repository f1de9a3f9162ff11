using Doorbell.Iommu;
using Doorbell.Pci;

namespace Doorbell.Msi;

/// <summary>A PCI function as the MSI layer sees it: messages go into its capabilities (M9).</summary>
public sealed class PciMsiDevice(PciFunction function, DeviceId deviceId, StreamTableEntry? stream) : IMsiDevice
{
    /// <inheritdoc/>
    public string Name => function.Name;

    /// <inheritdoc/>
    public DeviceId DeviceId { get; } = deviceId;

    /// <inheritdoc/>
    public IommuDomain? IommuDomain => stream?.Domain;

    /// <inheritdoc/>
    public int VectorLimit(MsiKind kind) => kind switch
    {
        MsiKind.Msi => function.Msi?.VectorCount ?? 0,
        MsiKind.MsiX => function.MsiX?.VectorCount ?? 0,
        _ => 0,
    };

    /// <inheritdoc/>
    public bool CanHold(MsiKind kind, in MsiMessage message) =>
        kind != MsiKind.Msi || message.AddressHi == 0 || function.Msi is { Has64BitAddress: true };

    /// <inheritdoc/>
    public void WriteMessage(MsiKind kind, int vector, in MsiMessage message)
    {
        if (kind == MsiKind.MsiX)
        {
            function.MsiX!.WriteEntry(vector, message.AddressLo, message.AddressHi, message.Data);
        }
        else
        {
            function.Msi!.WriteMessage(message.AddressLo, message.AddressHi, message.Data);
        }
    }

    /// <inheritdoc/>
    public void SetMask(MsiKind kind, int vector, bool masked)
    {
        if (kind == MsiKind.MsiX)
        {
            function.MsiX!.SetMask(vector, masked);
        }
        else
        {
            function.Msi!.SetMask(vector, masked);
        }
    }

    /// <inheritdoc/>
    public void SetEnabled(MsiKind kind, bool enabled, int count)
    {
        if (kind == MsiKind.MsiX)
        {
            function.MsiX!.SetEnabled(enabled);
        }
        else
        {
            function.Msi!.SetEnabled(enabled, count);
        }
    }
}
