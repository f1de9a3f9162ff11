using Doorbell.Events;
using Doorbell.Fabric;

namespace Doorbell.Pci;

/// <summary>
/// A PCI function as the hardware is: physical configuration space, BARs, interrupts, and the way upstream for its DMA. What a VFIO
/// client sees of it is virtualised elsewhere (V5).
/// </summary>
/// <remarks>
/// Configuration writes and resets are control operations, one at a time. <see cref="RaiseMsi"/>, <see cref="ReadMemory(Iova, Span{byte})"/> and
/// <see cref="WriteMemory(Iova, ReadOnlySpan{byte})"/> belong to the data path: they may run at any time, take no lock and allocate nothing while nobody traces.
/// </remarks>
public partial class PciFunction
{
    private const PciCommand WritableCommand =
        PciCommand.IoSpace | PciCommand.MemorySpace | PciCommand.BusMaster | PciCommand.ParityErrorResponse
        | PciCommand.SystemErrorEnable | PciCommand.InterruptDisable;

    private readonly List<PciCapability> _capabilities = [];

    private MsiXPath _msiX = new();
    private bool _canMaster;

    /// <summary>A function with a device model behind it, its configuration space laid out from the model's description.</summary>
    public PciFunction(PciAddress address, PciDeviceModel model, EventStream? events = null)
        : this(address, model.CreateConfigSpace(), model.Description.Bars, model, events) =>
        HasFixedConfigSpace = model.HasFixedConfigSpace;

    /// <summary>A function whose configuration space exists already (a bridge, a captured function). Capabilities are found in it.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="config">Its configuration space; write masks of header, BARs and known capabilities are declared here.</param>
    /// <param name="bars">Its base address registers.</param>
    /// <param name="model">What its registers do; null where nothing is behind them.</param>
    /// <param name="events">Where refusals and resets are told.</param>
    public PciFunction(PciAddress address, PciConfigSpace config, IReadOnlyList<PciBarDescription> bars, PciDeviceModel? model, EventStream? events = null)
    {
        Address = address;
        Name = address.ToString();
        Config = config;
        Model = model;
        Events = events ?? new EventStream();

        bool bridge = IsBridge;
        config.DefineWritable16(PciHeader.Command, (ushort)WritableCommand);
        config.DefineWriteOneToClear16(PciHeader.Status, (ushort)PciStatus.WriteOneToClear);
        config.DefineWritable8(PciHeader.CacheLineSize, 0xff);
        config.DefineWritable8(PciHeader.InterruptLine, 0xff);

        var slots = new PciBar?[bridge ? PciHeader.BridgeBars : PciHeader.EndpointBars];
        foreach (PciBarDescription description in bars)
        {
            slots[description.Index] = new PciBar(config, description, slots.Length);
        }

        Bars = slots;
        BindCapabilities();
        RefreshEnables();
        model?.Attach(this);
    }

    /// <summary>Where the function is.</summary>
    public PciAddress Address { get; }

    /// <summary><see cref="Address"/> as text, for events and sentences.</summary>
    public string Name { get; }

    /// <summary>The physical configuration space. Software writes through <see cref="WriteConfig"/>.</summary>
    public PciConfigSpace Config { get; }

    /// <summary>By BAR index; null where there is none, and for the upper half of a 64-bit one.</summary>
    public IReadOnlyList<PciBar?> Bars { get; }

    /// <summary>What its registers do; null where nothing is behind them.</summary>
    public PciDeviceModel? Model { get; }

    /// <summary>Type 1 header.</summary>
    public bool IsBridge => (Config.Read8(PciHeader.HeaderType) & ~PciHeader.MultifunctionBit) == PciHeader.TypeBridge;

    /// <summary>The device has several functions: the header says so, or this is not the first (Linux, pci_scan_slot: only function 0 has to say it).</summary>
    public bool IsMultifunction => Address.Function != 0 || (Config.Read8(PciHeader.HeaderType) & PciHeader.MultifunctionBit) != 0;

    /// <summary>The configuration bytes are a real function's and stay as they are wherever it is placed.</summary>
    public bool HasFixedConfigSpace { get; private protected init; }

    /// <summary>MSI, where the function has it.</summary>
    public MsiCapability? Msi { get; private set; }

    /// <summary>MSI-X, where the function has it.</summary>
    public MsiXCapability? MsiX { get; private set; }

    /// <summary>The PCI Express capability; null for conventional PCI.</summary>
    public PciExpressCapability? Express { get; private set; }

    /// <summary>Power management, where the function has it.</summary>
    public PowerManagementCapability? PowerManagement { get; private set; }

    /// <summary>Access control services, where the function has them.</summary>
    public AcsCapability? Acs { get; private set; }

    /// <summary>Where the function and its model tell what happens.</summary>
    public EventStream Events { get; }

    /// <summary>The bus it sits on, once it has been placed on one.</summary>
    public PciBus? Bus { get; internal set; }

    /// <summary>The way upstream, set by the machine; null while the function is connected to nothing.</summary>
    public IRequester? Upstream
    {
        get => Volatile.Read(ref _msiX.Upstream);
        set
        {
            // Beside what the machine has just made for the way upstream: a delivery then reads one page of the device less.
            MsiX?.GatherSlots();
            RefreshMsiXPath();
            Volatile.Write(ref _msiX.Upstream, value);
        }
    }

    /// <summary>The command register.</summary>
    public PciCommand Command => (PciCommand)Config.Read16(PciHeader.Command);

    /// <summary>The function may use the bus: bus mastering on, power state D0.</summary>
    internal bool CanMaster => Volatile.Read(ref _canMaster);

    private bool IsInD0 => PowerManagement is not { PowerState: not 0 };

    /// <summary>A configuration read by software. Past the end it reads as ones.</summary>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        foreach (PciCapability capability in _capabilities)
        {
            if (Touches(capability, offset, destination.Length))
            {
                capability.OnReading();
            }
        }

        RefreshIntxStatus();
        Config.Read(offset, destination);
    }

    /// <summary>A configuration write by software: the write masks hold, and what the written registers do is done. Past the end it is dropped.</summary>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        if (Express is { } express && express.AsksForReset(offset, source))
        {
            ResetFunction();
            return;
        }

        Config.Write(offset, source);
        if (offset < PciHeader.End)
        {
            RefreshEnables();
        }

        foreach (PciCapability capability in _capabilities)
        {
            if (Touches(capability, offset, source.Length))
            {
                capability.OnWritten();
            }
        }
    }

    /// <summary>Sets the command register, as a driver's pci_enable_device and pci_set_master do.</summary>
    public void SetCommand(PciCommand command)
    {
        Span<byte> bytes = [(byte)command, (byte)((ushort)command >> 8)];
        WriteConfig(PciHeader.Command, bytes);
    }

    /// <summary>
    /// Resets the function (FLR, PCIe base 6.6.2): configuration, MSI, MSI-X and model go back to their state after power-on.
    /// BAR addresses stay as the machine placed them: every system writes them back after an FLR, and here the machine is the one to know.
    /// </summary>
    public void ResetFunction()
    {
        // First off the bus, so that the model cannot send anything from its old life through the new one's settings.
        Volatile.Write(ref _canMaster, false);
        RefreshMsiXPath();
        using (EnterModel())
        {
            Config.Reset();
            Volatile.Write(ref _intxLevel, false);
            foreach (PciCapability capability in _capabilities)
            {
                capability.OnReset();
            }

            Model?.Reset();
            Show();
        }

        RefreshEnables();
        if (Events.IsEnabled)
        {
            Events.Emit(new PciFunctionReset(Address));
        }
    }

    /// <summary>Memory read by the device. False: not allowed to, or aborted on the way; the reason is in the event stream.</summary>
    public bool ReadMemory(Iova iova, Span<byte> destination) =>
        TryGetUpstream(iova.Value, out IRequester? upstream) && upstream!.Read(iova, destination);

    /// <summary>Memory write by the device. False: not allowed to, or aborted on the way; the reason is in the event stream.</summary>
    public bool WriteMemory(Iova iova, ReadOnlySpan<byte> source) =>
        TryGetUpstream(iova.Value, out IRequester? upstream) && upstream!.Write(iova, source);

    /// <summary>Memory reads of many pieces by the device, copied in as few calls as the memory allows.</summary>
    /// <returns>Pieces that were read whole; fewer than all where one was aborted, and the reason is in the event stream.</returns>
    public int ReadMemory(ReadOnlySpan<DmaRange> ranges, Span<byte> destination) =>
        !ranges.IsEmpty && TryGetUpstream(ranges[0].Address.Value, out IRequester? upstream) ? upstream!.Read(ranges, destination) : 0;

    /// <summary>Memory writes of many pieces by the device, copied in as few calls as the memory allows.</summary>
    /// <returns>Pieces that were written whole; fewer than all where one was aborted, and the reason is in the event stream.</returns>
    public int WriteMemory(ReadOnlySpan<DmaRange> ranges, ReadOnlySpan<byte> source) =>
        !ranges.IsEmpty && TryGetUpstream(ranges[0].Address.Value, out IRequester? upstream) ? upstream!.Write(ranges, source) : 0;

    /// <summary>Memory writes of many pieces by the device, of bytes that only the kernel may copy.</summary>
    /// <param name="ranges">The pieces.</param>
    /// <param name="source">Their bytes, one after the other.</param>
    /// <param name="faulted">One of the pieces behind those written was aborted; the reason is in the event stream.</param>
    /// <returns>Pieces that were written whole. What follows them is to be written from memory of this process, unless a piece was aborted.</returns>
    public int WriteMemory(ReadOnlySpan<DmaRange> ranges, KernelBytes source, out bool faulted)
    {
        faulted = false;
        return !ranges.IsEmpty && TryGetUpstream(ranges[0].Address.Value, out IRequester? upstream) ? upstream!.Write(ranges, source, out faulted) : 0;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>The command register or the power state may have changed: brings what the data path reads up to date.</summary>
    internal void RefreshEnables()
    {
        bool could = CanMaster;
        bool can = (Command & PciCommand.BusMaster) != 0 && IsInD0;
        Volatile.Write(ref _canMaster, can);
        RefreshMsiXPath();
        Interlocked.MemoryBarrier();
        if (can && !could)
        {
            MsiX?.DeliverPending();
            Msi?.DeliverPending();
        }

        RefreshIntx();
    }

    /// <summary>MSI-X was bound, enabled, masked, or the function may or may not master the bus any more.</summary>
    internal void RefreshMsiXPath()
    {
        bool open = CanMaster && MsiX is { IsEnabled: true, IsFunctionMasked: false };
        Volatile.Write(ref _msiX.Slots, open ? MsiX!.Slots : []);
    }

    /// <summary>Records that the function kept a message to itself.</summary>
    internal void RefuseMessage(PciRefusal reason, ulong detail, int vector)
    {
        if (!Events.IsTroubleHeard)
        {
            return;
        }

        PciTransactionRefused refused = new(Address, reason, detail) { IsMessage = true };
        bool isEnabled = reason is not (PciRefusal.NoMessageEnabled or PciRefusal.VectorNotEnabled);
        Events.Emit(new InterruptLost
        {
            Device = Name,
            Vector = vector,
            Cause = isEnabled ? LostInterruptCause.NotSent : LostInterruptCause.NotEnabled,
            Reason = refused.Why,
            Remedy = refused.Remedy,
            Severity = reason == PciRefusal.NoMessageEnabled ? TroubleSeverity.Note : TroubleSeverity.Error, // who polls wants none
        });
        Events.Emit(refused);
    }

    private static bool Touches(PciCapability capability, int offset, int length) =>
        offset < capability.Offset + capability.Length && capability.Offset < offset + length;

    private bool TryGetUpstream(ulong detail, out IRequester? upstream)
    {
        upstream = Upstream;
        if (CanMaster && upstream is not null)
        {
            return true;
        }

        if (Events.IsTroubleHeard)
        {
            Events.Emit(new PciTransactionRefused(Address, WhyNotMaster, detail));
        }

        return false;
    }

    private PciRefusal WhyNotMaster => CanMaster ? PciRefusal.NotConnected : IsInD0 ? PciRefusal.BusMasterDisabled : PciRefusal.NotInD0;

    private void BindCapabilities()
    {
        foreach (int offset in Config.Capabilities().ToArray())
        {
            switch (Config.Read8(offset))
            {
                case PciCapabilityId.PowerManagement when PowerManagement is null:
                    _capabilities.Add(PowerManagement = new PowerManagementCapability(this, offset));
                    break;
                case PciCapabilityId.Msi when Msi is null:
                    _capabilities.Add(Msi = new MsiCapability(this, offset));
                    break;
                case PciCapabilityId.MsiX when MsiX is null:
                    _capabilities.Add(MsiX = new MsiXCapability(this, offset));
                    break;
                case PciCapabilityId.PciExpress when Express is null:
                    _capabilities.Add(Express = new PciExpressCapability(this, offset));
                    break;
            }
        }

        foreach (int offset in Config.ExtendedCapabilities().ToArray())
        {
            if (Config.Read16(offset) == PciExtendedCapabilityId.AccessControlServices && Acs is null)
            {
                _capabilities.Add(Acs = new AcsCapability(this, offset));
            }
        }
    }
}
