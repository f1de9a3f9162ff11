using System.Buffers.Binary;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;
using Xunit.Abstractions;

namespace Doorbell.Tests.Machines.DeviceTree;

/// <summary>Whatever happens to a board's device tree, the answer is a machine that builds, or one sentence.</summary>
public class SpoiltTreeTests(ITestOutputHelper output)
{
    private const int Seed = 20161108;
    private const int Trees = 100_000;

    // Of the corpus, one or two boards of each family that are no larger than QEMU's boards by much.
    private static readonly string[] Boards =
    [
        "amd/amd-overdrive-rev-b1.dtb", "apm/apm-mustang.dtb", "arm/fvp-base-revc.dtb", "arm/juno-r1.dtb", "cavium/thunder2-99xx.dtb", "freescale/fsl-ls1012a-frwy.dtb",
        "freescale/fsl-ls1028a-rdb.dtb", "marvell/armada-3720-db.dtb", "marvell/armada-7040-db.dtb", "rockchip/rk3568-odroid-m1.dtb", "ti/k3-am642-evm.dtb", "xilinx/zynqmp-zcu102-rev1.0.dtb",
    ];

    private static readonly uint[] Words = [0, 1, 2, 3, 4, 9, 0x20, 0x40, 0xff, 0x1000, 0x1_0000, 0x10_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_0000, 0xffff_fffe, 0xffff_ffff];

    [Fact]
    public void A_hundred_thousand_spoilt_trees_each_give_a_machine_or_a_sentence()
    {
        List<byte[]> trees = [.. TestTrees.Names.Select(TestTrees.Bytes)];
        if (Directory.Exists(Corpus.Folder))
        {
            // QEMU's are the smaller ones and go several times as fast.
            trees.AddRange([.. trees, .. trees]);
            trees.AddRange(Boards.Select(board => Path.Combine(Corpus.Folder, board)).Where(File.Exists).Select(File.ReadAllBytes));
        }

        output.WriteLine($"seed {Seed}, {trees.Count} trees");
        var random = new Random(Seed);
        int loads = 0;
        for (int i = 0; i < Trees; i++)
        {
            byte[] tree = Spoil(random, trees);
            Result<MachineDescription> machine = default;
            try
            {
                machine = DeviceTreeMachine.Read("m.dtb", tree);
            }
            catch (Exception e)
            {
                Assert.Fail($"tree {i} of seed {Seed}: {e}");
            }

            loads += machine.IsOk ? 1 : 0;
            Answers(machine, i);
        }

        // Neither all nor none: the trees are spoilt in parts that matter and in parts that do not.
        output.WriteLine($"{loads} of {Trees} load");
        Assert.InRange(loads, Trees / 20, Trees - (Trees / 20));
    }

    [Fact]
    public void A_tree_cut_short_anywhere_is_refused()
    {
        byte[] tree = TestTrees.Bytes("virt-gicv3");
        for (int length = 0; length < tree.Length; length++)
        {
            Result<MachineDescription> machine = DeviceTreeMachine.Read("m.dtb", tree.AsSpan(0, length));
            Assert.Equal(Errno.EINVAL, machine.Errno);
            Answers(machine, length);
        }
    }

    [Fact]
    public void Every_word_of_a_tree_can_be_anything()
    {
        byte[] tree = TestTrees.Bytes("virt-gicv2m");
        for (int at = 0; at + 4 <= tree.Length; at += 4)
        {
            foreach (uint word in (uint[])[0, 0xffff_ffff])
            {
                byte[] spoilt = [.. tree];
                BinaryPrimitives.WriteUInt32BigEndian(spoilt.AsSpan(at), word);
                Answers(DeviceTreeMachine.Read("m.dtb", spoilt), at);
            }
        }
    }

    private static void Answers(Result<MachineDescription> machine, int tree)
    {
        if (machine.IsOk)
        {
            Assert.NotEmpty(machine.Value.PciHosts);
            return;
        }

        Assert.Contains(machine.Errno, (Errno[])[Errno.EINVAL, Errno.ENODEV, Errno.ENXIO, Errno.EOPNOTSUPP, Errno.ENOSPC, Errno.EEXIST]);
        Assert.Matches(@"\Am\.dtb: .{10,}\.\z", machine.Reason);
        Assert.False(machine.Reason.Any(char.IsControl), $"tree {tree}: {machine.Reason}");
    }

    private static byte[] Spoil(Random random, List<byte[]> trees)
    {
        byte[] tree = [.. trees[random.Next(trees.Count)]];
        for (int left = 1 + random.Next(4); left > 0 && tree.Length > 64; left--)
        {
            int at = random.Next(tree.Length - 4);
            switch (random.Next(10))
            {
                case 0 or 1:
                    tree[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    tree[at] = (byte)random.Next(256);
                    break;
                case 3 or 4:
                    BinaryPrimitives.WriteUInt32BigEndian(tree.AsSpan(at & ~3), Words[random.Next(Words.Length)]);
                    break;
                case 5:
                    // Another word of the tree: a phandle, a token or a length where it does not belong.
                    tree.AsSpan(random.Next(tree.Length - 4) & ~3, 4).CopyTo(tree.AsSpan(at & ~3));
                    break;
                case 6:
                    tree = tree[..at];
                    break;
                case 7:
                    // Part of another tree, at any place.
                    byte[] other = trees[random.Next(trees.Count)];
                    int from = random.Next(other.Length) & ~3;
                    int length = Math.Min(Math.Min(4 * random.Next(64), other.Length - from), tree.Length - at);
                    other.AsSpan(from, length).CopyTo(tree.AsSpan(at & ~3));
                    break;
                case 8:
                    int cut = Math.Min(4 * random.Next(16), tree.Length - at);
                    tree = [.. tree.AsSpan(0, at & ~3), .. tree.AsSpan((at & ~3) + cut)];
                    break;
                default:
                    BinaryPrimitives.WriteUInt32BigEndian(tree.AsSpan(4 * random.Next(10)), (uint)random.Next(tree.Length + 8));
                    break;
            }
        }

        return tree;
    }
}
