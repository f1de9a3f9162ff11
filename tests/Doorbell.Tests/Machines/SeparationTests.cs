using Doorbell.Devices;
using Doorbell.Machines;
using Doorbell.Machines.Yaml;
using Doorbell.Vfio;

namespace Doorbell.Tests.Machines;

/// <summary>Devices of different groups must look different to the IOMMU and to the ITS; each test maps two of them to one ID.</summary>
public class SeparationTests
{
    private const string Streams = "{rid-base: 0, iommu: smmu, stream-base: 0, length: 0x1_0000}";
    private const string Writers = "{rid-base: 0, controller: its, device-base: 0, length: 0x1_0000}";
    private const string SecondIommu = "  - {name: other, model: smmuv3, base: 0x0910_0000, size: 0x2_0000, granules: [4K], input-bits: 48}\n\npci-hosts:";

    private static readonly string Text = TestMachines.Text("virt-gicv3");

    private static readonly string OneStream = Text.Replace(Streams, "{rid-base: 0, iommu: smmu, stream-base: 0, length: 0x200}\n      - {rid-base: 0x200, iommu: smmu, stream-base: 0x100, length: 0x1000}", StringComparison.Ordinal);

    [Fact]
    public void V4_The_second_device_of_a_StreamID_gets_no_group_on_an_SMMUv3()
    {
        Machine machine = Build(OneStream, "0000:01:00.0", "0000:02:00.0").Value;
        Assert.Equal("0000:01:00.0", Assert.Single(machine.Groups, group => group.Devices.Any(device => device.StreamId.Value == 0x100)).Devices.Single().Name);
        PassthroughDevice second = machine.Devices.Single(device => device.Name == "0000:02:00.0");
        Assert.Null(second.Iommu);
        Assert.Equal("it is StreamID 0x100 at IOMMU smmu, which 0000:01:00.0 is already: an SMMUv3 has one device a StreamID", second.NoGroupReason);
    }

    [Fact]
    public void V4_All_devices_of_a_StreamID_are_one_group_on_an_SMMUv2()
    {
        Machine machine = Build(OneStream.Replace("model: smmuv3", "model: smmuv2", StringComparison.Ordinal), "0000:01:00.0", "0000:02:00.0").Value;
        Assert.Equal(["0000:01:00.0", "0000:02:00.0"], machine.Groups.Single(group => group.Devices.Count > 1).Devices.Select(device => device.Name));
        Assert.Equal(Enumerable.Range(0, machine.Groups.Count), machine.Groups.Select(group => group.Id));
    }

    [Fact]
    public void V4_A_mask_that_makes_requesters_one_StreamID_leaves_the_first_a_group()
    {
        Machine machine = Build(Text.Replace("    iommu-map:", "    iommu-map-mask: 0xff\n    iommu-map:", StringComparison.Ordinal), "0000:01:00.0", "0000:02:00.0").Value;
        Assert.Equal(["0000:02:00.0"], machine.Devices.Where(device => device.NoGroupReason is not null).Select(device => device.Name));
    }

    [Fact]
    public void N4_Two_rows_with_one_output_give_two_devices_one_DeviceID_and_that_is_refused() => Refuses(
        Text.Replace(Writers, "{rid-base: 0, controller: its, device-base: 0, length: 0x200}\n      - {rid-base: 0x200, controller: its, device-base: 0x100, length: 0x1000}", StringComparison.Ordinal),
        "0000:01:00.0 and 0000:02:00.0 are isolated from each other, but both are DeviceID 0x100 at MSI controller its: either could raise the other's interrupts (N4).");

    [Fact]
    public void N4_A_mask_that_makes_requesters_one_DeviceID_is_refused() => Refuses(
        Text.Replace("    msi-map:", "    msi-map-mask: 0xff\n    msi-map:", StringComparison.Ordinal),
        "0000:01:00.0 and 0000:02:00.0 are isolated from each other, but both are DeviceID 0x0 at MSI controller its: either could raise the other's interrupts (N4).");

    [Fact]
    public void N4_Two_hosts_that_give_their_requesters_the_same_DeviceIDs_are_refused() => Refuses(
        Text + """

              - name: second
                segment: 1
                ecam: {base: 0x41_1000_0000, size: 256M}
                windows:
                  - {base: 0x70_0000_0000, size: 1G}
                iommu-map:
                  - {rid-base: 0, iommu: smmu, stream-base: 0x4000, length: 0x4000}
                msi-map:
                  - {rid-base: 0, controller: its, device-base: 0, length: 0x1_0000}
                root-ports:
                  - {address: 00:05.0, secondary-bus: 1, acs: yes}
            """,
        "0000:00:05.0 and 0001:00:05.0 are isolated from each other, but both are DeviceID 0x28 at MSI controller its: either could raise the other's interrupts (N4).");

    [Fact]
    public void Devices_of_one_group_may_be_one_StreamID_and_one_DeviceID_on_an_SMMUv2()
    {
        // Bus 4 is below a port without ACS: the port at 00:0a.0 and what is below it are one group.
        string rows = "      - {rid-base: 0, OUT: 0, length: 0x400}\n      - {rid-base: 0x400, OUT: 0x50, length: 1}";
        string text = Text
            .Replace("      - " + Streams, rows.Replace("OUT", "iommu: smmu, stream-base", StringComparison.Ordinal), StringComparison.Ordinal)
            .Replace("      - " + Writers, rows.Replace("OUT", "controller: its, device-base", StringComparison.Ordinal), StringComparison.Ordinal);
        Result<Machine> machine = Build(text.Replace("model: smmuv3", "model: smmuv2", StringComparison.Ordinal), "0000:04:00.0");
        Assert.True(machine.IsOk, machine.Reason);
        Assert.Equal(2, machine.Value.Devices.Count(device => device.StreamId.Value == 0x50 && device.DeviceId.Value == 0x50));
    }

    [Fact]
    public void A_group_behind_two_IOMMUs_is_refused() => Refuses(
        Text.Replace(Streams, "{rid-base: 0, iommu: smmu, stream-base: 0, length: 0x400}\n      - {rid-base: 0x400, iommu: other, stream-base: 0, length: 0x100}", StringComparison.Ordinal)
            .Replace("\npci-hosts:", SecondIommu, StringComparison.Ordinal),
        "0000:00:0a.0 and 0000:04:00.0 cannot be isolated from each other, but 0000:00:0a.0 is behind IOMMU smmu and 0000:04:00.0 is behind IOMMU other: a group has one domain.",
        "0000:04:00.0");

    [Fact]
    public void A_group_partly_behind_no_IOMMU_is_refused() => Refuses(
        Text.Replace(Streams, "{rid-base: 0, iommu: smmu, stream-base: 0, length: 0x400}", StringComparison.Ordinal),
        "0000:00:0a.0 and 0000:04:00.0 cannot be isolated from each other, but 0000:00:0a.0 is behind IOMMU smmu and 0000:04:00.0 is behind no IOMMU: a group has one domain.",
        "0000:04:00.0");

    [Fact]
    public void A_function_whose_StreamID_its_IOMMU_does_not_have_is_refused() => Refuses(
        Text.Replace(Streams, "{rid-base: 0, iommu: smmu, stream-base: 0xff00, length: 0x1_0000}", StringComparison.Ordinal),
        "0000:01:00.0 is StreamID 0x10000 by iommu-map, but IOMMU smmu (smmu-v3) has 16 bits of StreamID.");

    private static void Refuses(string text, string sentence, params string[] more)
    {
        Assert.NotEqual(Text, text);
        Result<Machine> machine = Build(text, ["0000:01:00.0", "0000:02:00.0", .. more]);
        Assert.Equal((Errno.EINVAL, sentence), (machine.Errno, machine.Reason));
    }

    private static Result<Machine> Build(string text, params string[] slots)
    {
        Result<MachineDescription> description = MachineYaml.Read("board.yaml", text);
        Assert.True(description.IsOk, description.Reason);
        var builder = new MachineBuilder(description.Value);
        foreach (string slot in slots)
        {
            Assert.True(PciAddress.TryParse(slot, out PciAddress address));
            Assert.True(builder.Plug(address, new PciTestDevice()).IsOk);
        }

        return builder.Build();
    }
}
