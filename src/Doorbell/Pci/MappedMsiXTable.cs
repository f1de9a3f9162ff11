using System.Buffers.Binary;

namespace Doorbell.Pci;

/// <summary>
/// An MSI-X table that a client has mapped: what it stores there is written into the table, and it finds there what the host writes. The
/// pending bits are shown where they lie in mapped pages too.
/// </summary>
internal sealed class MappedMsiXTable(MsiXCapability msiX, IPciSharedMemory memory, bool showsPending)
{
    private const int Word = 4;

    private readonly byte[] _shown = new byte[msiX.TableLength];
    private readonly byte[] _found = new byte[msiX.TableLength];
    private readonly byte[] _current = new byte[msiX.TableLength];
    private readonly byte[] _shownPending = new byte[showsPending ? msiX.PbaLength : 0];
    private readonly byte[] _pending = new byte[showsPending ? msiX.PbaLength : 0];

    /// <summary>Shows the table as it is; what the client stored since the last <see cref="Poll"/> is lost.</summary>
    public void Show()
    {
        msiX.ReadTable(0, _shown);
        memory.Write(msiX.TableBar, msiX.TableOffset, _shown);
        if (showsPending)
        {
            msiX.ReadPba(0, _shownPending);
            memory.Write(msiX.PbaBar, msiX.PbaOffset, _shownPending);
        }
    }

    /// <summary>Takes in what the client has stored, then shows what the table holds. True where the client had stored anything.</summary>
    public bool Poll()
    {
        memory.Read(msiX.TableBar, msiX.TableOffset, _found);
        bool stored = !_found.AsSpan().SequenceEqual(_shown);
        for (int at = 0; stored && at < _found.Length; at += Word)
        {
            if (WordOf(_found, at) != WordOf(_shown, at))
            {
                msiX.WriteTable(at, _found.AsSpan(at, Word));
            }
        }

        msiX.ReadTable(0, _current);
        ShowChanges(msiX.TableBar, msiX.TableOffset, _found, _current);
        _current.CopyTo(_shown, 0);
        if (showsPending)
        {
            msiX.ReadPba(0, _pending);
            ShowChanges(msiX.PbaBar, msiX.PbaOffset, _shownPending, _pending);
            _pending.CopyTo(_shownPending, 0);
        }

        return stored;
    }

    // Word by word: a client may be writing the neighbour.
    private void ShowChanges(int bar, ulong offset, ReadOnlySpan<byte> before, ReadOnlySpan<byte> now)
    {
        if (before.SequenceEqual(now))
        {
            return;
        }

        for (int at = 0; at < now.Length; at += Word)
        {
            if (WordOf(before, at) != WordOf(now, at))
            {
                memory.Write(bar, offset + (ulong)at, now.Slice(at, Word));
            }
        }
    }

    private static uint WordOf(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
