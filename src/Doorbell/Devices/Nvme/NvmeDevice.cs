using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>
/// <c>nvme</c>: an NVMe 1.4 controller. Commands are executed while the doorbell that announces them is written.
/// </summary>
/// <remarks>
/// BAR 0: registers at 0x0000, doorbells at 0x1000, on pages of their own so that the doorbells can be mapped; BAR 4: MSI-X. Register
/// accesses that are not whole aligned 32-bit words, or pairs of them, are ignored on writing (3.1 leaves them undefined).
/// Not there: SGLs, metadata, fused commands, saved features, namespace management, firmware download, controller memory buffer, MSI (MSI-X and INTx are).
/// </remarks>
public sealed partial class NvmeDevice : RegisterDeviceModel, IDisposable
{
    /// <summary>I/O queue pairs when nothing is said.</summary>
    public const int DefaultQueuePairs = 8;

    /// <summary>Most I/O queue pairs: their doorbells and the admin queue's fill a page.</summary>
    public const int MaxQueuePairs = 511;

    /// <summary>Most namespaces.</summary>
    public const int MaxNamespaces = NvmeNamespace.Most;

    private const int RegisterBar = 0;
    private const int MsiXBar = 4;
    private const ulong RegisterBarSize = 0x4000;

    // CAP (3.1.1): queues of up to 1024 entries, physically contiguous; ten seconds to get ready; doorbells every four bytes; NVM command
    // set; memory pages of 4 KiB to 64 KiB.
    private const uint MaxQueueEntries = 1024;
    private const int MinPageShift = 12;
    private const int MaxPageSizeField = 4;
    private const uint CapabilitiesLow = (MaxQueueEntries - 1) | (1 << 16) | (20 << 24);
    private const uint CapabilitiesHigh = (1 << 5) | (MaxPageSizeField << 20);

    // MDTS: in units of the smallest page, 512 KiB.
    private const int MaxTransferLog2 = 7;
    private const int MaxTransfer = 1 << (MinPageShift + MaxTransferLog2);

    private readonly NvmeNamespace[] _namespaces;
    private readonly int _queuePairs;
    private readonly byte[] _data = new byte[MaxTransfer];
    private readonly NvmeDataPointer _pointer = new(MaxTransfer, 1 << MinPageShift);
    private readonly NvmeLogs _logs = new();
    private readonly NvmeFeatures _features;
    private readonly NvmeAsyncEvents _asyncEvents = new();

    private uint _configuration, _status, _interruptMask, _adminAttributes;
    private ulong _adminSubmission, _adminCompletion;
    private int _pageSize = 1 << MinPageShift;

    /// <summary>A controller with one namespace.</summary>
    /// <param name="backend">Holds the namespace's blocks.</param>
    /// <param name="queuePairs">I/O queue pairs, 1 to <see cref="MaxQueuePairs"/>; an MSI-X vector each and one for the admin queue.</param>
    /// <param name="blockSize">Bytes a block: 512 or 4096. A backend's last part of a block is not used.</param>
    public NvmeDevice(IBlockBackend backend, int queuePairs = DefaultQueuePairs, int blockSize = 512)
        : this([backend], queuePairs, blockSize)
    {
    }

    /// <summary>A controller with a namespace for each backend, numbered from 1.</summary>
    /// <param name="backends">Hold the namespaces' blocks; 1 to <see cref="MaxNamespaces"/>.</param>
    /// <param name="queuePairs">I/O queue pairs, 1 to <see cref="MaxQueuePairs"/>; an MSI-X vector each and one for the admin queue.</param>
    /// <param name="blockSize">Bytes a block: 512 or 4096. A backend's last part of a block is not used.</param>
    public NvmeDevice(IReadOnlyList<IBlockBackend> backends, int queuePairs = DefaultQueuePairs, int blockSize = 512)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(queuePairs, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(queuePairs, MaxQueuePairs);
        ArgumentOutOfRangeException.ThrowIfZero(backends.Count, nameof(backends));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(backends.Count, MaxNamespaces, nameof(backends));
        if (blockSize is not (512 or 4096))
        {
            throw new ArgumentOutOfRangeException(nameof(blockSize), blockSize, "a block is 512 or 4096 bytes");
        }

        _queuePairs = queuePairs;
        _namespaces = [.. backends.Select((backend, i) => new NvmeNamespace((uint)i + 1, backend, blockSize))];
        _features = new NvmeFeatures(queuePairs, backends.Count);
        _submissionQueues = new NvmeSubmissionQueue?[queuePairs + 1];
        _completionQueues = new NvmeCompletionQueue?[queuePairs + 1];
        _doorbells = new uint[2 * (queuePairs + 1)];
        _doorbellsFound = new uint[2 * (queuePairs + 1)];
        Description = new PciDeviceDescription
        {
            VendorId = DeviceIds.Vendor,
            DeviceId = DeviceIds.Nvme,
            SubsystemVendorId = DeviceIds.Vendor,
            SubsystemId = DeviceIds.Nvme,
            ClassCode = 0x010802,
            Bars =
            [
                new PciBarDescription(RegisterBar, RegisterBarSize, PciBarKind.Memory64),
                new PciBarDescription(MsiXBar, MsiXLayout.BarSize(queuePairs + 1), PciBarKind.Memory64),
            ],
            MsiX = MsiXLayout.Describe(queuePairs + 1, MsiXBar),
            InterruptPin = 1,
        };
    }

    /// <inheritdoc/>
    public override string Name => "nvme";

    /// <inheritdoc/>
    public override PciDeviceDescription Description { get; }

    private bool IsRunning => (_status & (NvmeRegisters.Ready | NvmeRegisters.Fatal)) == NvmeRegisters.Ready;

    /// <inheritdoc/>
    public override void Reset()
    {
        Disable();
        _configuration = _status = _interruptMask = _adminAttributes = 0;
        _adminSubmission = _adminCompletion = 0;
    }

    /// <summary>Closes the backends that are to be closed.</summary>
    public void Dispose()
    {
        foreach (NvmeNamespace volume in _namespaces)
        {
            (volume.Backend as IDisposable)?.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override uint ReadRegister(int bar, ulong offset) => bar != RegisterBar ? 0 : offset switch
    {
        NvmeRegisters.CapabilitiesLow => CapabilitiesLow,
        NvmeRegisters.CapabilitiesHigh => CapabilitiesHigh,
        NvmeRegisters.Version => NvmeRegisters.Version14,
        NvmeRegisters.InterruptMaskSet or NvmeRegisters.InterruptMaskClear => _interruptMask,
        NvmeRegisters.Configuration => _configuration,
        NvmeRegisters.Status => _status,
        NvmeRegisters.AdminQueueAttributes => _adminAttributes,
        NvmeRegisters.AdminSubmissionLow => (uint)_adminSubmission,
        NvmeRegisters.AdminSubmissionHigh => (uint)(_adminSubmission >> 32),
        NvmeRegisters.AdminCompletionLow => (uint)_adminCompletion,
        NvmeRegisters.AdminCompletionHigh => (uint)(_adminCompletion >> 32),
        _ => 0,
    };

    /// <inheritdoc/>
    protected override void WriteRegister(int bar, ulong offset, uint value, uint mask)
    {
        if (bar != RegisterBar || mask != uint.MaxValue)
        {
            return;
        }

        switch (offset)
        {
            case >= NvmeRegisters.Doorbells:
                WriteDoorbell((offset - NvmeRegisters.Doorbells) / 4, value);
                break;
            case NvmeRegisters.InterruptMaskSet:
                _interruptMask |= value;
                RefreshIntx();
                break;
            case NvmeRegisters.InterruptMaskClear:
                _interruptMask &= ~value;
                RefreshIntx();
                break;
            case NvmeRegisters.Configuration:
                WriteConfiguration(value);
                break;
            case NvmeRegisters.AdminQueueAttributes:
                _adminAttributes = value & 0x0fff_0fff;
                break;
            case NvmeRegisters.AdminSubmissionLow:
                _adminSubmission = (_adminSubmission & 0xffff_ffff_0000_0000) | (value & 0xffff_f000);
                break;
            case NvmeRegisters.AdminSubmissionHigh:
                _adminSubmission = ((ulong)value << 32) | (uint)_adminSubmission;
                break;
            case NvmeRegisters.AdminCompletionLow:
                _adminCompletion = (_adminCompletion & 0xffff_ffff_0000_0000) | (value & 0xffff_f000);
                break;
            case NvmeRegisters.AdminCompletionHigh:
                _adminCompletion = ((ulong)value << 32) | (uint)_adminCompletion;
                break;
        }
    }

    private void WriteConfiguration(uint value)
    {
        uint before = _configuration;
        _configuration = value & 0x00ff_fff1;
        bool was = (before & NvmeRegisters.Enable) != 0;
        bool wanted = (value & NvmeRegisters.Enable) != 0;
        if (wanted && !was)
        {
            Enable();
        }
        else if (!wanted && was)
        {
            Disable();
            _status &= ~(NvmeRegisters.Ready | NvmeRegisters.Fatal);
        }

        // Shutdown (3.1.5): what is stored is safe when SHST says complete. The host takes it back with a reset.
        if ((value & NvmeRegisters.ShutdownNotification) != 0 && (before & NvmeRegisters.ShutdownNotification) == 0)
        {
            if (FlushAll() == NvmeStatus.Success)
            {
                _status = (_status & ~NvmeRegisters.ShutdownStatus) | NvmeRegisters.ShutdownComplete;
            }
            else
            {
                Fail("a namespace could not be flushed at shutdown");
            }
        }
        else if ((value & NvmeRegisters.ShutdownNotification) == 0)
        {
            _status &= ~NvmeRegisters.ShutdownStatus;
        }
    }

    private void Enable()
    {
        int pageSizeField = (int)(_configuration >> 7) & 0xf;
        bool otherCommandSet = ((_configuration >> 4) & 7) != 0;
        bool otherArbitration = ((_configuration >> 11) & 7) != 0;
        uint submissionEntries = (_adminAttributes & 0xfff) + 1;
        uint completionEntries = (_adminAttributes >> 16) + 1;
        if (pageSizeField > MaxPageSizeField || otherCommandSet || otherArbitration)
        {
            Fail($"CC 0x{_configuration:x} asks for a page size, command set or arbitration that CAP does not offer");
            return;
        }

        _pageSize = 1 << (MinPageShift + pageSizeField);
        if (submissionEntries < 2 || completionEntries < 2)
        {
            Fail($"AQA 0x{_adminAttributes:x}: a queue has two entries at least");
            return;
        }

        if (((_adminSubmission | _adminCompletion) & ((ulong)_pageSize - 1)) != 0)
        {
            Fail($"ASQ 0x{_adminSubmission:x} and ACQ 0x{_adminCompletion:x} are not multiples of the memory page size 0x{_pageSize:x}");
            return;
        }

        var completions = new NvmeCompletionQueue(0, new Iova(_adminCompletion), completionEntries, vector: 0, interrupts: true) { Users = 1 };
        _completionQueues[0] = completions;
        _submissionQueues[0] = new NvmeSubmissionQueue(0, new Iova(_adminSubmission), submissionEntries, completions);
        _status |= NvmeRegisters.Ready;
    }

    /// <summary>A controller reset (7.3.2): queues, held commands and features go, the admin queue's registers stay.</summary>
    private void Disable()
    {
        Array.Clear(_submissionQueues);
        Array.Clear(_completionQueues);
        for (int i = 0; i < _doorbells.Length; i++)
        {
            SetDoorbell(i, 0);
        }

        _asyncEvents.Reset();
        _features.Reset();
        RefreshIntx();
    }

    private void Fail(string reason)
    {
        _status |= NvmeRegisters.Fatal;
        if (Function.Events.IsEnabled)
        {
            Function.Events.Emit(new NvmeControllerFatal(Function.Address, reason));
        }
    }
}
