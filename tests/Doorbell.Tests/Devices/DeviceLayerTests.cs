using System.Text.RegularExpressions;

namespace Doorbell.Tests.Devices;

/// <summary>Devices are written against Pci/ alone: what one needs of the machine, it reaches through its function.</summary>
public partial class DeviceLayerTests
{
    private static readonly string[] s_allowed = ["Doorbell.Pci", "Doorbell.Events"];

    [Fact]
    public void No_device_names_a_layer_but_Pci()
    {
        string folder = Path.Combine(Root(), "src", "Doorbell", "Devices");
        string[] files = Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        List<string> strangers = [];
        foreach (string file in files)
        {
            string text = File.ReadAllText(file);
            IEnumerable<string> usings = Using().Matches(text).Select(match => match.Groups[1].Value).Where(name => !s_allowed.Contains(name));
            IEnumerable<string> names = Layer().Matches(text).Select(match => match.Value);
            strangers.AddRange(usings.Concat(names).Select(name => $"{Path.GetFileName(file)}: {name}"));
        }

        Assert.Empty(strangers);
    }

    private static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Doorbell.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside the checkout");
    }

    [GeneratedRegex(@"^using (?:static )?(?:\w+ = )?(Doorbell[\w.]*);", RegexOptions.Multiline)]
    private static partial Regex Using();

    // A type of the layer could be named without a using, the namespace being nested in Doorbell.
    [GeneratedRegex(@"\b(?:Msi|Iommu|Vfio|Gic|SocMsi|X86|Interrupts|Fabric|Machines)\.[A-Z]\w+")]
    private static partial Regex Layer();
}
