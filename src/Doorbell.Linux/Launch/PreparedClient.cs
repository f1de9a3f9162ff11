using Doorbell.Linux.Native;

namespace Doorbell.Linux.Launch;

/// <summary>What stands before the client starts.</summary>
/// <param name="Listener">Descriptor of the filter's listener.</param>
/// <param name="FilesDirectory">Descriptor of the tmpfs emulated files live on (T4).</param>
/// <param name="LiveSys">Descriptor of the view's /sys, for writing, of which the client sees a mount that is read-only.</param>
/// <param name="Nodes">The view's nodes, in its order.</param>
/// <param name="Missing">Real entries of /sys and /dev that could not be mirrored.</param>
internal sealed record PreparedClient(int Listener, int FilesDirectory, int LiveSys, IReadOnlyList<FileIdentity> Nodes, IReadOnlyList<string> Missing)
{
    /// <summary>In the order in which <see cref="Decode"/> takes them.</summary>
    internal int[] Descriptors => [Listener, FilesDirectory, LiveSys];

    /// <summary>As bytes; the descriptors travel beside them.</summary>
    internal byte[] Encode()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Nodes.Count);
        foreach (FileIdentity node in Nodes)
        {
            writer.Write(node.Device);
            writer.Write(node.Inode);
        }

        writer.Write(Missing.Count);
        foreach (string missing in Missing)
        {
            writer.Write(missing);
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>From bytes and descriptors.</summary>
    internal static PreparedClient Decode(byte[] bytes, int[] fds)
    {
        if (fds.Length < 3)
        {
            // The kernel leaves descriptors out that do not fit under the limit.
            throw new IOException($"the client's descriptors did not arrive: {Errno.EMFILE}, too many files are open");
        }

        using var reader = new BinaryReader(new MemoryStream(bytes));
        var nodes = new FileIdentity[reader.ReadInt32()];
        for (int i = 0; i < nodes.Length; i++)
        {
            nodes[i] = new FileIdentity(reader.ReadUInt64(), reader.ReadUInt64());
        }

        var missing = new string[reader.ReadInt32()];
        for (int i = 0; i < missing.Length; i++)
        {
            missing[i] = reader.ReadString();
        }

        return new PreparedClient(fds[0], fds[1], fds[2], nodes, missing);
    }
}
