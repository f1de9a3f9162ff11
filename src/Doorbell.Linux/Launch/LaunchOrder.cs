using Doorbell.Linux.Views;

namespace Doorbell.Linux.Launch;

/// <summary>What the supervisor asks of the launcher.</summary>
internal sealed record LaunchOrder
{
    /// <summary>The launcher still has to leave for a mount namespace of its own (it has CAP_SYS_ADMIN already).</summary>
    internal required bool UnshareMounts { get; init; }

    /// <summary>The launcher's capabilities come from a user namespace made for it, and are not the client's.</summary>
    internal required bool DropCapabilities { get; init; }

    /// <summary>The soft RLIMIT_NOFILE the client gets (.NET raises its own); 0 leaves it.</summary>
    internal required ulong FileLimit { get; init; }

    /// <summary>Bytes of content the tmpfs of emulated files has room for; rounded up to a page, so never none.</summary>
    internal required ulong FileRoom { get; init; }

    /// <summary>The client's program and arguments, byte for byte.</summary>
    internal required IReadOnlyList<byte[]> Command { get; init; }

    /// <summary>The client's environment, byte for byte the user's, in the form of /proc/PID/environ.</summary>
    internal required byte[] Environment { get; init; }

    /// <summary>What it sees.</summary>
    internal required SysView View { get; init; }

    /// <summary>The order as bytes.</summary>
    internal byte[] Encode()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(UnshareMounts);
        writer.Write(DropCapabilities);
        writer.Write(FileLimit);
        writer.Write(FileRoom);
        writer.Write(Environment.Length);
        writer.Write(Environment);
        writer.Write(Command.Count);
        foreach (byte[] argument in Command)
        {
            writer.Write(argument.Length);
            writer.Write(argument);
        }

        writer.Write(View.Hidden.Count);
        foreach (string path in View.Hidden)
        {
            writer.Write(path);
        }

        writer.Write(View.Entries.Count);
        foreach (SysEntry entry in View.Entries)
        {
            writer.Write((byte)entry.Kind);
            writer.Write(entry.Path);
            writer.Write(entry.Mode);
            writer.Write(entry.Content.Length);
            writer.Write(entry.Content.Span);
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>The bytes as an order.</summary>
    internal static LaunchOrder Decode(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        bool unshareMounts = reader.ReadBoolean();
        bool dropCapabilities = reader.ReadBoolean();
        ulong fileLimit = reader.ReadUInt64();
        ulong fileRoom = reader.ReadUInt64();
        byte[] environment = reader.ReadBytes(reader.ReadInt32());
        var command = new byte[reader.ReadInt32()][];
        for (int i = 0; i < command.Length; i++)
        {
            command[i] = reader.ReadBytes(reader.ReadInt32());
        }

        var view = new SysView();
        for (int left = reader.ReadInt32(); left > 0; left--)
        {
            view.Hide(reader.ReadString());
        }

        for (int left = reader.ReadInt32(); left > 0; left--)
        {
            var kind = (SysEntryKind)reader.ReadByte();
            string path = reader.ReadString();
            int mode = reader.ReadInt32();
            view.Add(new SysEntry(kind, path, reader.ReadBytes(reader.ReadInt32()), mode));
        }

        return new LaunchOrder
        {
            UnshareMounts = unshareMounts,
            DropCapabilities = dropCapabilities,
            FileLimit = fileLimit,
            FileRoom = fileRoom,
            Environment = environment,
            Command = command,
            View = view,
        };
    }
}
