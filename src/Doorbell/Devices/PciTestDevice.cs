using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary><c>pci-test</c>: registers that raise vector n and copy between two IOVAs. The sample of how a device is written (docs/devices.md).</summary>
public sealed class PciTestDevice : RegisterMapModel<PciTestDevice.Register>
{
    /// <summary>Contents of <see cref="Register.Id"/>: "DBST".</summary>
    public const uint Identification = 0x5453_4244;

    /// <summary>Largest copy, bytes.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>MSI-X vectors when nothing is said.</summary>
    public const int DefaultVectors = 8;

    private readonly byte[] _piece = new byte[4096];

    /// <summary>The device.</summary>
    /// <param name="vectors">MSI-X vectors, 1 to 2048.</param>
    /// <param name="isExpress">PCI Express, or conventional PCI.</param>
    public PciTestDevice(int vectors = DefaultVectors, bool isExpress = true)
        : base("pci-test", vectors, new PciDeviceDescription
        {
            VendorId = DeviceIds.Vendor, DeviceId = DeviceIds.PciTest, SubsystemVendorId = DeviceIds.Vendor, SubsystemId = DeviceIds.PciTest,
            ClassCode = 0xff0000, MsiVectors = 8, MsiPerVectorMask = true, InterruptPin = 1, IsExpress = isExpress,
        })
    {
        Shows(Register.Id, () => Identification);
        Shows(Register.Version, () => 1);
        Shows(Register.Vectors, () => (uint)Function.EnabledVectors);
        Stores(Register.Scratch);
        Stores(Register.Intx, mask: 1, level => Function.SetIntx(level != 0));
        Stores(Register.SourceLow);
        Stores(Register.SourceHigh);
        Stores(Register.DestinationLow);
        Stores(Register.DestinationHigh);
        Stores(Register.Length);
        Does(Register.Raise, Raise);
        Does(Register.Copy, Copy);
        Does(Register.Error, _ => Function.ReportError());
    }

    /// <summary>Offsets in BAR 0.</summary>
    public enum Register : uint
    {
#pragma warning disable CS1591 // each says it itself
        Id = 0x00, // RO
        Version = 0x04, // RO: 1
        Scratch = 0x08, // RW: keeps what is written
        Raise = 0x0c, // WO: raises vector n through MSI-X or MSI
        Raised = 0x10, // RO: what came of it: 0 nothing yet, 1 sent or pending, 2 lost
        Raises = 0x14, // RO: vectors raised, lost ones not counted
        Intx = 0x18, // RW: bit 0, the level of the INTx line
        Vectors = 0x1c, // RO: vectors that may be raised now
        SourceLow = 0x20, // RW: an IOVA, 64 bits
        SourceHigh = 0x24,
        DestinationLow = 0x28, // RW: an IOVA, 64 bits
        DestinationHigh = 0x2c,
        Length = 0x30, // RW: bytes, 1 to 1 MiB
        Copy = 0x34, // WO: bit 0, copy now; bit 1, then raise the vector in bits 31:16
        Status = 0x38, // RO: a CopyStatus
        Copied = 0x3c, // RO: bytes the last copy wrote
        Copies = 0x40, // RO: copies done
        Faults = 0x44, // RO: copies that faulted
        Error = 0x48, // WO: reports an uncorrectable error
    }

    /// <summary>Values of <see cref="Register.Status"/>.</summary>
    public enum CopyStatus : uint { Idle, Done, SourceFault, DestinationFault, BadLength }
#pragma warning restore CS1591

    private void Raise(uint vector)
    {
        bool arrived = vector < MsiXCapability.MaxVectors && Function.RaiseMsi((int)vector);
        this[Register.Raised] = arrived ? 1u : 2u;
        this[Register.Raises] += arrived ? 1u : 0;
    }

    private void Copy(uint control)
    {
        if ((control & 1) == 0)
        {
            return;
        }

        this[Register.Copied] = 0;
        CopyStatus status = this[Register.Length] is 0 or > MaxLength ? CopyStatus.BadLength : CopyPieces();
        this[Register.Status] = (uint)status;
        this[Register.Copies] += status == CopyStatus.Done ? 1u : 0;
        this[Register.Faults] += status is CopyStatus.SourceFault or CopyStatus.DestinationFault ? 1u : 0;
        if ((control & 2) != 0)
        {
            Raise(control >> 16);
        }
    }

    private CopyStatus CopyPieces()
    {
        uint length = this[Register.Length];
        for (uint done = 0; done < length; this[Register.Copied] = done)
        {
            Span<byte> piece = _piece.AsSpan(0, (int)Math.Min((uint)_piece.Length, length - done));
            if (!Function.ReadMemory(new Iova(Wide(Register.SourceLow)) + done, piece))
            {
                return CopyStatus.SourceFault;
            }

            if (!Function.WriteMemory(new Iova(Wide(Register.DestinationLow)) + done, piece))
            {
                return CopyStatus.DestinationFault;
            }

            done += (uint)piece.Length;
        }

        return CopyStatus.Done;
    }
}
