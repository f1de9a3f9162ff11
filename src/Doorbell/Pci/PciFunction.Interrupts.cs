namespace Doorbell.Pci;

/// <content>Interrupts: MSI-X, MSI and INTx.</content>
public partial class PciFunction
{
    private readonly Lock _intxStatus = new();
    private IIntxSink? _intxSink;
    private bool _intxLevel;
    private bool _intxAsserted;

    /// <summary>Whoever the INTx line goes to.</summary>
    public IIntxSink? IntxSink
    {
        get => Volatile.Read(ref _intxSink);
        set => Volatile.Write(ref _intxSink, value);
    }

    /// <summary>The line as the board sees it: wanted by the device, not held back by the command register, MSI and MSI-X off.</summary>
    public bool IsIntxAsserted => Volatile.Read(ref _intxAsserted);

    /// <summary>The device wants the line, whether or not it gets it: the interrupt status bit.</summary>
    public bool IsIntxPending => Volatile.Read(ref _intxLevel);

    /// <summary>Vectors the device may raise now: MSI-X's, else MSI's as given by multiple message enable, else 0 (only INTx is left).</summary>
    public int EnabledVectors =>
        MsiX is { IsEnabled: true } msiX ? msiX.VectorCount : Msi is { IsEnabled: true } msi ? msi.EnabledVectorCount : 0;

    /// <summary>
    /// The device raises a vector: through MSI-X where it is on, else through MSI. Neither locks nor allocates while nobody traces.
    /// </summary>
    /// <param name="vector">Index; MSI adds it to the data.</param>
    /// <returns>True: sent, or kept pending behind a mask. False: lost (nothing enabled, no such vector, bus mastering off, aborted upstream); the reason is in the event stream.</returns>
    public bool RaiseMsi(int vector)
    {
        MsiXSlot[] slots = Volatile.Read(ref _msiX.Slots);
        if ((uint)vector < (uint)slots.Length && slots[vector].TryRead(out ulong address, out uint data) && Upstream is { } upstream)
        {
            return upstream.WriteMsi(new Iova(address), data, ref slots[vector].Hint);
        }

        return RaiseWithCare(vector);
    }

    private bool RaiseWithCare(int vector)
    {
        if (MsiX is { IsEnabled: true } msiX)
        {
            return msiX.Raise(vector);
        }

        if (Msi is { IsEnabled: true } msi)
        {
            return msi.Raise(vector);
        }

        RefuseMessage(PciRefusal.NoMessageEnabled, (ulong)(uint)vector, vector);
        return false;
    }

    /// <summary>The device asserts or releases its INTx line. Without an interrupt pin nothing happens.</summary>
    public void SetIntx(bool level)
    {
        if (Config.Read8(PciHeader.InterruptPin) == 0)
        {
            return;
        }

        Volatile.Write(ref _intxLevel, level);
        Config.Changed?.Invoke(); // the status register says so
        RefreshIntx();
    }

    /// <summary>The 32-bit write upstream that is an MSI.</summary>
    internal bool SendMsi(ulong address, uint data, int vector)
    {
        if (CanMaster && Upstream is { } upstream)
        {
            return upstream.WriteMsi(new Iova(address), data);
        }

        RefuseMessage(WhyNotMaster, address, vector);
        return false;
    }

    /// <summary>Anything the INTx line depends on may have changed. The sink is told outside the lock and asks for the level itself, so that two changes cannot arrive swapped.</summary>
    internal void RefreshIntx()
    {
        bool changed;
        lock (_intxStatus)
        {
            // A function that uses MSI or MSI-X does not use INTx (PCIe base 7.7.1.2, 7.7.2.2).
            bool disabled = (Command & PciCommand.InterruptDisable) != 0 || Msi is { IsEnabled: true } || MsiX is { IsEnabled: true };
            bool asserted = Volatile.Read(ref _intxLevel) && !disabled;
            changed = asserted != _intxAsserted;
            Volatile.Write(ref _intxAsserted, asserted);
        }

        if (changed)
        {
            IntxSink?.OnIntxChanged(this);
        }
    }

    private void RefreshIntxStatus()
    {
        int status = Config.Read16(PciHeader.Status) & ~(int)PciStatus.InterruptStatus;
        Config.Set16(PciHeader.Status, (ushort)(status | (IsIntxPending ? (int)PciStatus.InterruptStatus : 0)));
    }
}
