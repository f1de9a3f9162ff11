using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>
/// <c>pci-test</c>: a page of registers that raise vector n and copy between two IOVAs. The sample of how a device is written.
/// </summary>
/// <remarks>
/// BAR 0, 32-bit registers:
/// <code>
/// 0x00 ID          RO  0x54534244, "DBST"
/// 0x04 VERSION     RO  1
/// 0x08 SCRATCH     RW  keeps what is written
/// 0x0c RAISE       WO  raises vector n through MSI-X or MSI
/// 0x10 RAISED      RO  what came of it: 0 nothing yet, 1 sent or pending, 2 lost
/// 0x14 RAISES      RO  vectors raised, lost ones not counted
/// 0x18 INTX        RW  bit 0: the level of the INTx line
/// 0x1c VECTORS     RO  vectors that may be raised now
/// 0x20 SOURCE      RW  IOVA, 64 bits
/// 0x28 DESTINATION RW  IOVA, 64 bits
/// 0x30 LENGTH      RW  bytes, 1 to 1 MiB
/// 0x34 COPY        WO  bit 0: copy now; bit 1: then raise the vector in bits 31:16
/// 0x38 STATUS      RO  0 nothing yet, 1 done, 2 source fault, 3 destination fault, 4 bad length
/// 0x3c COPIED      RO  bytes the last copy wrote
/// 0x40 COPIES      RO  copies done
/// 0x44 FAULTS      RO  copies that faulted
/// 0x48 ERROR       WO  reports an uncorrectable error
/// </code>
/// BAR 2: MSI-X table and pending bits. All other offsets read as zero and ignore writes.
/// </remarks>
public sealed class PciTestDevice : RegisterDeviceModel
{
    /// <summary>Contents of <see cref="Register.Id"/>.</summary>
    public const uint Identification = 0x5453_4244;

    /// <summary>Largest copy, bytes.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>MSI-X vectors when nothing is said.</summary>
    public const int DefaultVectors = 8;

    private const int RegisterBar = 0;
    private const int MsiXBar = 2;
    private const int MsiVectors = 8;
    private const uint CopyStart = 1 << 0;
    private const uint CopyRaises = 1 << 1;

    private readonly byte[] _buffer = new byte[4096];

    private uint _scratch, _raised, _raises, _intx, _length, _status, _copied, _copies, _faults;
    private ulong _source, _destination;

    /// <summary>The device.</summary>
    /// <param name="vectors">MSI-X vectors, 1 to 2048.</param>
    /// <param name="isExpress">PCI Express, or conventional PCI.</param>
    public PciTestDevice(int vectors = DefaultVectors, bool isExpress = true) => Description = new PciDeviceDescription
    {
        VendorId = DeviceIds.Vendor,
        DeviceId = DeviceIds.PciTest,
        SubsystemVendorId = DeviceIds.Vendor,
        SubsystemId = DeviceIds.PciTest,
        ClassCode = 0xff0000,
        Bars =
        [
            new PciBarDescription(RegisterBar, 4096, PciBarKind.Memory64),
            new PciBarDescription(MsiXBar, MsiXLayout.BarSize(vectors), PciBarKind.Memory64),
        ],
        MsiX = MsiXLayout.Describe(vectors, MsiXBar),
        MsiVectors = MsiVectors,
        MsiPerVectorMask = true,
        InterruptPin = 1,
        IsExpress = isExpress,
    };

    /// <summary>Offsets in BAR 0.</summary>
    public enum Register : uint
    {
#pragma warning disable CS1591 // the table above says what each is
        Id = 0x00,
        Version = 0x04,
        Scratch = 0x08,
        Raise = 0x0c,
        Raised = 0x10,
        Raises = 0x14,
        Intx = 0x18,
        Vectors = 0x1c,
        SourceLow = 0x20,
        SourceHigh = 0x24,
        DestinationLow = 0x28,
        DestinationHigh = 0x2c,
        Length = 0x30,
        Copy = 0x34,
        Status = 0x38,
        Copied = 0x3c,
        Copies = 0x40,
        Faults = 0x44,
        Error = 0x48,
#pragma warning restore CS1591
    }

    /// <summary>Values of <see cref="Register.Status"/>.</summary>
    public enum CopyStatus : uint
    {
#pragma warning disable CS1591 // the table above says what each is
        Idle = 0,
        Done = 1,
        SourceFault = 2,
        DestinationFault = 3,
        BadLength = 4,
#pragma warning restore CS1591
    }

    /// <inheritdoc/>
    public override string Name => "pci-test";

    /// <inheritdoc/>
    public override PciDeviceDescription Description { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        _scratch = _raised = _raises = _intx = _length = _status = _copied = _copies = _faults = 0;
        _source = _destination = 0;
    }

    /// <inheritdoc/>
    protected override uint ReadRegister(int bar, ulong offset) => bar != RegisterBar ? 0 : (Register)offset switch
    {
        Register.Id => Identification,
        Register.Version => 1,
        Register.Scratch => _scratch,
        Register.Raised => _raised,
        Register.Raises => _raises,
        Register.Intx => _intx,
        Register.Vectors => (uint)Function.EnabledVectors,
        Register.SourceLow => (uint)_source,
        Register.SourceHigh => (uint)(_source >> 32),
        Register.DestinationLow => (uint)_destination,
        Register.DestinationHigh => (uint)(_destination >> 32),
        Register.Length => _length,
        Register.Status => _status,
        Register.Copied => _copied,
        Register.Copies => _copies,
        Register.Faults => _faults,
        _ => 0,
    };

    /// <inheritdoc/>
    protected override void WriteRegister(int bar, ulong offset, uint value, uint mask)
    {
        if (bar != RegisterBar)
        {
            return;
        }

        switch ((Register)offset)
        {
            case Register.Scratch:
                _scratch = Merge(_scratch, value, mask);
                break;
            case Register.Raise:
                Raise(value);
                break;
            case Register.Intx:
                _intx = Merge(_intx, value, mask) & 1;
                Function.SetIntx(_intx != 0);
                break;
            case Register.SourceLow:
                _source = MergeHalf(_source, value, mask, 0);
                break;
            case Register.SourceHigh:
                _source = MergeHalf(_source, value, mask, 32);
                break;
            case Register.DestinationLow:
                _destination = MergeHalf(_destination, value, mask, 0);
                break;
            case Register.DestinationHigh:
                _destination = MergeHalf(_destination, value, mask, 32);
                break;
            case Register.Length:
                _length = Merge(_length, value, mask);
                break;
            case Register.Error:
                Function.ReportError();
                break;
            case Register.Copy when (value & CopyStart) != 0:
                Copy();
                if ((value & CopyRaises) != 0)
                {
                    Raise(value >> 16);
                }

                break;
        }
    }

    private static ulong MergeHalf(ulong old, uint value, uint mask, int shift) =>
        (old & ~((ulong)mask << shift)) | ((ulong)(value & mask) << shift);

    private void Raise(uint vector)
    {
        bool arrived = vector < MsiXCapability.MaxVectors && Function.RaiseMsi((int)vector);
        _raised = arrived ? 1u : 2u;
        _raises += arrived ? 1u : 0;
    }

    private void Copy()
    {
        _copied = 0;
        if (_length is 0 or > MaxLength)
        {
            _status = (uint)CopyStatus.BadLength;
            return;
        }

        CopyStatus status = CopyStatus.Done;
        while (_copied < _length && status == CopyStatus.Done)
        {
            Span<byte> piece = _buffer.AsSpan(0, (int)Math.Min((uint)_buffer.Length, _length - _copied));
            if (!Function.ReadMemory(new Iova(_source) + _copied, piece))
            {
                status = CopyStatus.SourceFault;
            }
            else if (!Function.WriteMemory(new Iova(_destination) + _copied, piece))
            {
                status = CopyStatus.DestinationFault;
            }
            else
            {
                _copied += (uint)piece.Length;
            }
        }

        _status = (uint)status;
        _copies += status == CopyStatus.Done ? 1u : 0;
        _faults += status == CopyStatus.Done ? 0 : 1u;
    }
}
