using System.Runtime.CompilerServices;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>
/// A device that is a table of 32-bit registers in BAR 0, and MSI-X in BAR 2 where it has vectors: its constructor says what each register
/// does, and everything else is done here.
/// </summary>
/// <remarks>A register that nothing is said about is read-only: it reads as what the device has put there, zero at first. So does all of the BAR behind the last one.</remarks>
/// <typeparam name="TRegister">An enum of <see cref="uint"/>: the registers' offsets, multiples of four.</typeparam>
public abstract class RegisterMapModel<TRegister> : RegisterDeviceModel
    where TRegister : unmanaged, Enum
{
    private const int RegisterBar = 0;
    private const int MsiXBar = 2;
    private const int Width = 4;

    private readonly Entry[] _entries;
    private readonly uint[] _values;

    /// <summary>A device.</summary>
    /// <param name="name">Its name on a command line.</param>
    /// <param name="vectors">MSI-X vectors, 0 (no MSI-X) to 2048.</param>
    /// <param name="identity">Identity, MSI and INTx; BARs and MSI-X are added.</param>
    /// <param name="size">Bytes of BAR 0, a power of two; at least 4096 lets a client map nothing else with it.</param>
    protected RegisterMapModel(string name, int vectors, PciDeviceDescription identity, ulong size = 4096)
    {
        Name = name;
        var registers = new PciBarDescription(RegisterBar, size, PciBarKind.Memory64);
        Description = vectors == 0
            ? identity with { Bars = [registers] }
            : identity with
            {
                Bars = [registers, new PciBarDescription(MsiXBar, MsiXLayout.BarSize(vectors), PciBarKind.Memory64)],
                MsiX = MsiXLayout.Describe(vectors, MsiXBar),
            };
        TRegister[] known = Enum.GetValues<TRegister>();
        _entries = new Entry[known.Length == 0 ? 0 : known.Max(OffsetOf) / Width + 1];
        _values = new uint[_entries.Length];
    }

    /// <inheritdoc/>
    public sealed override string Name { get; }

    /// <inheritdoc/>
    public sealed override PciDeviceDescription Description { get; }

    /// <summary>What is in a register.</summary>
    protected uint this[TRegister register]
    {
        get => _values[IndexOf(register)];
        set => _values[IndexOf(register)] = value;
    }

    /// <inheritdoc/>
    /// <remarks>Every register is zero again. A device with a state beside them overrides this, and calls it.</remarks>
    public override void Reset() => Array.Clear(_values);

    /// <summary>The host may write: the register keeps it.</summary>
    /// <param name="register">Which.</param>
    /// <param name="mask">Ones where it has bits; the rest reads as zero.</param>
    /// <param name="written">What else a write does; it gets the register's new value.</param>
    protected void Stores(TRegister register, uint mask = uint.MaxValue, Action<uint>? written = null) =>
        _entries[IndexOf(register)] = new Entry(mask, null, written);

    /// <summary>A write does something and keeps nothing.</summary>
    /// <param name="register">Which.</param>
    /// <param name="written">What: it gets the bytes written, zeros in the others' place.</param>
    protected void Does(TRegister register, Action<uint> written) => _entries[IndexOf(register)] = new Entry(0, null, written);

    /// <summary>A read is worked out; writes are ignored.</summary>
    protected void Shows(TRegister register, Func<uint> value) => _entries[IndexOf(register)] = new Entry(0, value, null);

    /// <summary>64 bits out of two registers, the low half first.</summary>
    protected ulong Wide(TRegister low) => this[low] | ((ulong)_values[IndexOf(low) + 1] << 32);

    /// <inheritdoc/>
    protected sealed override uint ReadRegister(int bar, ulong offset)
    {
        ulong index = offset / Width;
        return bar != RegisterBar || index >= (ulong)_entries.Length ? 0 : _entries[index].Read is { } read ? read() : _values[index];
    }

    /// <inheritdoc/>
    protected sealed override void WriteRegister(int bar, ulong offset, uint value, uint mask)
    {
        ulong index = offset / Width;
        if (bar != RegisterBar || index >= (ulong)_entries.Length)
        {
            return;
        }

        Entry entry = _entries[index];
        _values[index] = Merge(_values[index], value, mask & entry.Mask);
        entry.Written?.Invoke(entry.Mask == 0 ? value : _values[index]);
    }

    private static uint OffsetOf(TRegister register) => Unsafe.BitCast<TRegister, uint>(register);

    private static int IndexOf(TRegister register) => (int)(OffsetOf(register) / Width);

    private readonly record struct Entry(uint Mask, Func<uint>? Read, Action<uint>? Written);
}
