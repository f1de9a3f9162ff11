using System.Globalization;
using System.Text;
using Doorbell.Hosts;
using Doorbell.Linux.Hosts;

namespace Doorbell.Tests.Hosts;

/// <summary>Hosts for tests: the recorded boards, and one made up.</summary>
internal static class TestHosts
{
    public const string Virt = "virt-gicv3-its-smmuv3";

    public static string FolderOf(string board) => Path.Combine(AppContext.BaseDirectory, "Captures", "data", board);

    /// <summary>The files of a recorded board.</summary>
    public static IHostFiles Board(string board)
    {
        Result<IHostFiles> opened = HostSource.Open(FolderOf(board));
        Assert.True(opened.IsOk, opened.Reason);
        return opened.Value;
    }

    /// <summary>The same files, changed or (null) left out.</summary>
    public static HostSnapshot CopyOf(IHostFiles files, Func<string, byte[], byte[]?>? change = null)
    {
        var copy = new HostSnapshot(files.Name);
        foreach (HostInventoryItem item in HostInventory.Of(files))
        {
            switch (item.Kind)
            {
                case HostInventoryKind.Directory when files.StatusOf(item.Path) == HostFileStatus.Read:
                    copy.AddDirectory(item.Path);
                    break;
                case HostInventoryKind.Link when files.ReadLink(item.Path) is { } target:
                    copy.AddLink(item.Path, target);
                    break;
                case HostInventoryKind.File when files.TryRead(item.Path, out byte[] content) == HostFileStatus.Read:
                    if ((change is null ? content : change(item.Path, content)) is { } changed)
                    {
                        copy.AddFile(item.Path, changed);
                    }

                    break;
            }
        }

        return copy;
    }

    /// <summary>A host with an x86 kernel and nothing else.</summary>
    public static HostSnapshot Bare()
    {
        var files = new HostSnapshot("bare");
        Add(files, HostPaths.Architecture, "x86_64\n");
        Add(files, HostPaths.Release, "6.1.0-40-amd64\n");
        Add(files, HostPaths.CommandLine, "intel_iommu=on\n");
        files.AddDirectory(HostPaths.PciDevices);
        files.AddDirectory(HostPaths.IommuGroups);
        return files;
    }

    public static void Add(HostSnapshot files, string path, string text) => files.AddFile(path, Encoding.UTF8.GetBytes(text));

    /// <summary>A function with 256 bytes of configuration space.</summary>
    public static byte[] AddFunction(HostSnapshot files, string address)
    {
        byte[] config = new byte[256];
        config[0] = 0x86;
        config[1] = 0x80;
        files.AddLink($"{HostPaths.PciDevices}/{address}", $"../../../devices/pci0000:00/{address}");
        files.AddFile($"/sys/devices/pci0000:00/{address}/config", config);
        return config;
    }

    /// <summary>Everything that was read, as text: two hosts are the same where their texts are.</summary>
    public static string TextOf(HostFacts facts)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{facts.Architecture} running {facts.IsRunning}, page {facts.Kernel.PageSize:x}, release {facts.Kernel.Release}, command line {facts.Kernel.CommandLine}");
        foreach (HostFunction function in facts.Functions)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{function.Address} {function.VendorId:x4}:{function.DeviceId:x4} {function.ClassCode:x6} driver {function.Driver} ({function.DriverKnown}) group {function.Group} node {function.NumaNode} parent {function.Parent} resets {Joined(function.ResetMethods)}");
            text.AppendLine(Convert.ToHexString(function.Config.Span)).AppendJoin(' ', function.Resources).AppendLine();
        }

        foreach (HostGroup group in facts.Groups ?? [])
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"group {group.Number} {group.Name} {group.Type}: {Joined(group.Members)} {Joined(group.OtherMembers)}: {Joined(group.ReservedRegions)}");
        }

        HostKernel kernel = facts.Kernel;
        text.AppendLine(facts.Groups is null ? "groups not known" : "groups known");
        text.AppendLine(Joined(kernel.Configuration?.OrderBy(static pair => pair.Key, StringComparer.Ordinal))).AppendLine(kernel.ConfigurationEvidence?.File);
        text.AppendLine(Joined(kernel.ModuleParameters)).AppendLine(Joined(kernel.Iommus)).AppendLine(Joined(kernel.IrqDomains)).AppendLine(Joined(kernel.IoMemory)).AppendLine(Joined(kernel.Modules)).AppendLine(Joined(kernel.InterruptChips));
        foreach (HostUnknown unknown in facts.Unknown)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"unknown: {unknown.What} ({unknown.Evidence}): {unknown.Remedy}");
        }

        return text.ToString();
    }

    private static string Joined<T>(IEnumerable<T>? items) => items is null ? "not known" : string.Join(", ", items);
}
