using System.Buffers.Binary;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;

namespace Doorbell.Tests.Machines.DeviceTree;

/// <summary>The format itself (Devicetree Specification 0.4, chapter 5): what a file is refused for.</summary>
public class FdtParserTests
{
    [Theory]
    [InlineData(0, 0x1234_5678u, "it begins with 0x12345678: expected 0xd00dfeed")]
    [InlineData(4, 0x7fff_ffffu, "its totalsize is 2147483647 bytes: expected 2097152 at most, as Linux does")]
    [InlineData(4, 0x10_0000u, "its totalsize is 1048576 bytes, and the file has 8535: expected a whole tree")]
    [InlineData(8, 0xffff_fff0u, "its structure block is 0x1ecc bytes at 0xfffffff0: expected it between the header and the tree's end")]
    [InlineData(8, 0x41u, "its structure block is at 0x41: expected a multiple of 4")]
    [InlineData(12, 0x44u, "its blocks overlap")]
    [InlineData(16, 0x38u, "its blocks overlap")]
    [InlineData(20, 3u, "it is of version 3, compatible back to 16: expected version 17")]
    [InlineData(24, 18u, "it is of version 17, compatible back to 18: expected version 17")]
    [InlineData(32, 0xffff_ffffu, "its strings block is 0xffffffff bytes")]
    [InlineData(32, 0u, "has its name at 0x")]
    [InlineData(36, 8u, "the structure block ends in the middle of the tree: expected FDT_END")]
    [InlineData(0x40, 3u, "token 0x3 stands outside of the root node")]
    [InlineData(0x44, 0x6161_6161u, "the root node has a name: expected none")]
    [InlineData(0x48, 1u, "a second root node begins|a node in / ")]
    [InlineData(0x4c, 0xffff_ffffu, "a property of / does not end in the structure block: expected it whole")]
    public void A_word_that_is_wrong_is_told(int at, uint word, string sentence)
    {
        byte[] tree = TestTrees.Bytes("virt-gicv3");
        BinaryPrimitives.WriteUInt32BigEndian(tree.AsSpan(at), word);
        Result<MachineDescription> machine = DeviceTreeMachine.Read("b.dtb", tree);
        Assert.Equal(Errno.EINVAL, machine.Errno);
        Assert.Contains(sentence.Split('|'), part => machine.Reason!.Contains(part, StringComparison.Ordinal));
    }

    [Fact]
    public void Nodes_in_nodes_end_somewhere()
    {
        EditedTree tree = EditedTree.Of("virt-gicv3");
        string path = "";
        for (int depth = 0; depth < 40; depth++)
        {
            tree.Add(path.Length == 0 ? "/" : path, "deep");
            path += "/deep";
        }

        Result<MachineDescription> machine = DeviceTreeMachine.Read("b.dtb", tree.ToBytes());
        Assert.Equal(Errno.EINVAL, machine.Errno);
        Assert.Contains("holds nodes 32 deep: expected no more.", machine.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_once_in_a_node_and_of_the_characters_names_have()
    {
        Assert.Contains("/ holds two nodes called \"cpus\": expected one.", Reason(EditedTree.Of("virt-gicv3").Add("/", "cpus")), StringComparison.Ordinal);
        Assert.Contains("a node in / is called \"a b\": expected letters, digits and ,._+-@.", Reason(EditedTree.Of("virt-gicv3").Add("/", "a b")), StringComparison.Ordinal);
    }

    [Fact]
    public void What_follows_a_tree_in_its_file_is_not_its()
    {
        byte[] tree = [.. TestTrees.Bytes("virt-gicv3"), .. new byte[4096]];
        Assert.True(DeviceTreeMachine.Read("b.dtb", tree).IsOk);
    }

    private static string Reason(EditedTree tree) => DeviceTreeMachine.Read("b.dtb", tree.ToBytes()).Reason!;
}
