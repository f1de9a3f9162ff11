namespace Doorbell.Pci;

/// <content>BAR accesses: MSI-X structures, then the model.</content>
public partial class PciFunction
{
    /// <summary>Accesses to the BAR reach the device: its space is enabled in the command register and the function is in D0. A client sees EIO otherwise.</summary>
    public bool IsBarEnabled(int bar) =>
        (uint)bar < (uint)Bars.Count && Bars[bar] is { } register && IsInD0
        && (Command & (register.IsMemory ? PciCommand.MemorySpace : PciCommand.IoSpace)) != 0;

    /// <summary>A read of the BAR: MSI-X table and pending bits from the capability, all else from the model. What does not decode reads as ones.</summary>
    /// <param name="bar">Index.</param>
    /// <param name="offset">Bytes into it.</param>
    /// <param name="destination">Any length.</param>
    public void ReadBar(int bar, ulong offset, Span<byte> destination)
    {
        if (!IsBarEnabled(bar))
        {
            destination.Fill(0xff);
            return;
        }

        while (!destination.IsEmpty)
        {
            BarPart part = Locate(bar, offset, destination.Length, out int within, out int count);
            Span<byte> piece = destination[..count];
            switch (part)
            {
                case BarPart.MsiXTable:
                    MsiX!.ReadTable(within, piece);
                    break;
                case BarPart.MsiXPba:
                    MsiX!.ReadPba(within, piece);
                    break;
                case BarPart.Device when Model is not null:
                    using (EnterModel())
                    {
                        Model.ReadBar(bar, offset, piece);
                    }

                    break;
                case BarPart.Device:
                    piece.Clear();
                    break;
                default:
                    piece.Fill(0xff);
                    break;
            }

            destination = destination[count..];
            offset += (ulong)count;
        }
    }

    /// <summary>A write of the BAR: MSI-X table to the capability, all else to the model. What does not decode is dropped.</summary>
    /// <param name="bar">Index.</param>
    /// <param name="offset">Bytes into it.</param>
    /// <param name="source">Any length.</param>
    public void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        if (!IsBarEnabled(bar))
        {
            return;
        }

        while (!source.IsEmpty)
        {
            BarPart part = Locate(bar, offset, source.Length, out int within, out int count);
            switch (part)
            {
                case BarPart.MsiXTable:
                    MsiX!.WriteTable(within, source[..count]);
                    break;
                case BarPart.Device when Model is not null:
                    using (EnterModel())
                    {
                        Model.WriteBar(bar, offset, source[..count]);
                    }

                    break;
            }

            source = source[count..];
            offset += (ulong)count;
        }
    }

    /// <summary>What the first byte of an access hits, and how many of its bytes hit the same.</summary>
    private BarPart Locate(int bar, ulong offset, int length, out int within, out int count)
    {
        within = 0;
        count = length;
        ulong size = Bars[bar]!.Size;
        if (offset >= size)
        {
            return BarPart.None;
        }

        count = (int)Math.Min((ulong)count, size - offset);
        if (MsiX is { } msiX)
        {
            if (bar == msiX.TableBar && Hits(msiX.TableOffset, msiX.TableLength, offset, ref within, ref count))
            {
                return BarPart.MsiXTable;
            }

            if (bar == msiX.PbaBar && Hits(msiX.PbaOffset, msiX.PbaLength, offset, ref within, ref count))
            {
                return BarPart.MsiXPba;
            }
        }

        return BarPart.Device;
    }

    /// <summary>True where the offset lies in the range; the count ends where the range begins or ends.</summary>
    private static bool Hits(ulong start, int length, ulong offset, ref int within, ref int count)
    {
        if (offset < start)
        {
            count = (int)Math.Min((ulong)count, start - offset);
            return false;
        }

        if (offset - start >= (ulong)length)
        {
            return false;
        }

        within = (int)(offset - start);
        count = Math.Min(count, length - within);
        return true;
    }

    private enum BarPart
    {
        None,
        Device,
        MsiXTable,
        MsiXPba,
    }
}
