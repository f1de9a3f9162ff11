using System.Buffers.Binary;
using System.Text;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Launch;

/// <summary>Reads a directory through its descriptor (getdents64(2)), so that what has been mounted over its path does not matter.</summary>
internal static class DirectoryEntries
{
    /// <summary>d_type, as far as it matters here.</summary>
    internal enum EntryType : byte
    {
        Directory = 4,
        Symlink = 10,
        Other = 0,
    }

    /// <summary>Every entry but <c>.</c> and <c>..</c>.</summary>
    internal static List<(string Name, EntryType Type)> Read(int directory)
    {
        var entries = new List<(string, EntryType)>();
        var buffer = new byte[32 * 1024];
        while (true)
        {
            int length = GetDents(directory, buffer);
            if (length <= 0)
            {
                return entries;
            }

            // struct linux_dirent64: inode (8), offset (8), record length (2), type (1), name.
            for (ReadOnlySpan<byte> rest = buffer.AsSpan(0, length); !rest.IsEmpty;)
            {
                ushort size = BinaryPrimitives.ReadUInt16LittleEndian(rest[16..]);
                ReadOnlySpan<byte> name = rest[19..size];
                name = name[..name.IndexOf((byte)0)];
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                {
                    var type = (EntryType)rest[18];
                    entries.Add((Encoding.UTF8.GetString(name), type is EntryType.Directory or EntryType.Symlink ? type : EntryType.Other));
                }

                rest = rest[size..];
            }
        }
    }

    private static unsafe int GetDents(int directory, byte[] buffer)
    {
        fixed (byte* start = buffer)
        {
            return (int)Sys.Call(Nr.GetDents64, directory, (nint)start, buffer.Length);
        }
    }
}
