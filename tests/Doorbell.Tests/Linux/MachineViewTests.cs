using System.Text;
using Doorbell.Linux.Views;
using Doorbell.Tests.Vfio;

namespace Doorbell.Tests.Linux;

public class MachineViewTests
{
    private const string Port = "/sys/devices/pci0000:00/0000:00:05.0";
    private const string Device = $"{Port}/0000:01:00.0";

    private static readonly Board Board = new();
    private static readonly Dictionary<string, SysEntry> View = MachineView.Build(Board.Machine).Entries.ToDictionary(entry => entry.Path);

    private static int Group => Board.GroupOf().Id;

    [Fact]
    public void T10_Every_link_of_the_view_leads_to_something_in_the_view()
    {
        SysEntry[] links = [.. View.Values.Where(entry => entry.Kind == SysEntryKind.Symlink)];
        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.True(View.ContainsKey(Target(link.Path)), $"{link.Path} -> {Text(link.Path)}"));
    }

    [Fact]
    public void T10_A_device_lies_below_its_port_and_is_reached_by_its_address()
    {
        Assert.Equal(SysEntryKind.Directory, View[Device].Kind);
        Assert.Equal(Device, Target("/sys/bus/pci/devices/0000:01:00.0"));
        Assert.Equal("/sys/bus/pci/drivers/vfio-pci", Target($"{Device}/driver"));
        Assert.Equal($"/sys/kernel/iommu_groups/{Group}", Target($"{Device}/iommu_group"));
        Assert.Equal(Device, Target($"/sys/kernel/iommu_groups/{Group}/devices/0000:01:00.0"));
        Assert.Equal(SysEntryKind.Node, View[$"/dev/vfio/{Group}"].Kind);
        Assert.Equal(SysEntryKind.Node, View["/dev/vfio/vfio"].Kind);
    }

    [Theory]
    [InlineData("vendor", "0x1234\n")]
    [InlineData("device", "0xdb01\n")]
    [InlineData("class", "0xff0000\n")]
    [InlineData("modalias", "pci:v00001234d0000DB01sv00001234sd0000DB01bcFFsc00i00\n")]
    [InlineData("uevent", "DRIVER=vfio-pci\nPCI_CLASS=FF0000\nPCI_ID=1234:DB01\nPCI_SUBSYS_ID=1234:DB01\nPCI_SLOT_NAME=0000:01:00.0\nMODALIAS=pci:v00001234d0000DB01sv00001234sd0000DB01bcFFsc00i00\n")]
    public void T10_Attributes_read_as_Linux_prints_them(string name, string text) => Assert.Equal(text, Text($"{Device}/{name}"));

    [Fact]
    public void T10_The_resource_file_names_each_BAR_where_the_machine_put_it()
    {
        string[] lines = Text($"{Device}/resource").TrimEnd('\n').Split('\n');
        Assert.Equal(13, lines.Length);
        ulong bar0 = Board.Physical().Function.Bars[0]!.Address;
        Assert.Equal($"0x{bar0:x16} 0x{bar0 + 0xfff:x16} 0x{0x140204:x16}", lines[0]);
        Assert.Equal($"0x{0:x16} 0x{0:x16} 0x{0:x16}", lines[1]);
    }

    [Fact]
    public void I9_The_group_tells_the_MSI_window_in_the_kernels_words() =>
        Assert.Equal("0x0000000008000000 0x00000000080fffff msi\n", Text($"/sys/kernel/iommu_groups/{Group}/reserved_regions"));

    [Fact]
    public void T10_The_config_file_is_the_functions_config_space()
    {
        ReadOnlySpan<byte> config = View[$"{Device}/config"].Content.Span;
        Assert.Equal(Board.Physical().Function.Config.Size, config.Length);
        Assert.Equal([0x34, 0x12, 0x01, 0xdb], config[..4].ToArray());
    }

    [Fact]
    public void T10_This_computers_own_devices_are_hidden() =>
        Assert.Contains("/sys/devices/pci*", MachineView.Build(Board.Machine).Hidden);

    private static string Text(string path) => Encoding.UTF8.GetString(View[path].Content.Span);

    private static string Target(string link) => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(link)!, Text(link)));
}
