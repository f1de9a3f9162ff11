namespace Doorbell.Machines.DeviceTree;

/// <summary>What is wrong with a device tree. The first is told: what comes after may follow from it.</summary>
/// <param name="file">The file's name, for sentences.</param>
internal sealed class DtErrors(string file)
{
    /// <summary>The first failure: a whole sentence with file, node, property and what was expected.</summary>
    public Result First { get; private set; }

    /// <summary>A property, or a node as a whole, is not as it must be.</summary>
    public void Fail(DtNode node, string? property, string what) =>
        Fail(Errno.EINVAL, property is null ? $"{node.Path}: {what}" : $"{node.Path}: {property}: {what}");

    /// <summary>The tree is not one of a machine Doorbell can build: ENODEV where something is missing, ENXIO where it is not in use, EOPNOTSUPP where something is not modelled.</summary>
    public void Fail(Errno errno, string what)
    {
        if (First.IsOk)
        {
            First = Result.Fail(errno, $"{file}: {what}.");
        }
    }
}
