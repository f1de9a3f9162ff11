using Doorbell.Iommu;
using FsCheck;
using FsCheck.Fluent;

namespace Doorbell.Tests.Iommu;

public class PageTableModelTests
{
    private sealed record Step(bool IsMap, ulong Iova, ulong Pa, ulong Size, IommuProtection Protection);

    [Theory]
    [InlineData(0x1000, 48)]
    [InlineData(0x1000, 39)]
    [InlineData(0x4000, 48)]
    [InlineData(0x4000, 40)]
    [InlineData(0x10000, 48)]
    [InlineData(0x10000, 42)]
    public void Any_sequence_of_map_and_unmap_answers_as_a_list_of_blocks_would(ulong granule, int inputBits)
    {
        PageTableFormat format = PageTableFormat.Arm(granule, inputBits);
        Arbitrary<Step[]> steps = Arb.From(Gen.ArrayOf(StepsOf(format)), Shorter);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(100).WithEndSize(40), Prop.ForAll(steps, sequence => Agree(format, sequence)));
    }

    // Addresses near each other and near the borders of blocks, so that ranges meet; sizes from a page to several blocks.
    private static Gen<Step> StepsOf(PageTableFormat format)
    {
        ulong granule = format.Granule;
        ulong block = 1UL << format.ShiftOf(1);
        ulong large = 1UL << format.ShiftOf(Math.Min(2, format.Levels - 1));
        Gen<ulong> anchor = Gen.Elements(0UL, block, 2 * block, 3 * block, large, large - block, format.LastInput + 1 - block, format.LastInput + 1 - granule);
        Gen<ulong> offset = Gen.Frequency(
            (3, Gen.Constant(0UL)),
            (3, Gen.Choose(0, 4).Select(pages => (ulong)pages * granule)),
            (1, Gen.Constant(block / 2)),
            (1, Gen.Constant(1UL)));
        Gen<ulong> size = Gen.Frequency(
            (4, Gen.Choose(0, 4).Select(pages => (ulong)pages * granule)),
            (3, Gen.Choose(1, 3).Select(blocks => (ulong)blocks * block)),
            (1, Gen.Constant(block + granule)),
            (1, Gen.Constant((format.PageSizes & large) != 0 ? large : block)),
            (1, Gen.Constant(1UL << 63)));
        Gen<ulong> pa = Gen.Frequency(
            (3, Gen.Constant(0UL)),
            (1, Gen.Constant(granule)),
            (1, Gen.Constant(block)));
        return from isMap in Gen.Frequency((3, Gen.Constant(true)), (2, Gen.Constant(false)))
               from start in anchor
               from further in offset
               from bytes in size
               from shifted in pa
               from protection in Gen.Elements(IommuProtection.Read, IommuProtection.Write, IommuProtection.Read | IommuProtection.Write)
               // A long range whose addresses do not fit together would be very many pages.
               let apart = bytes > (granule == 0x1000 ? block : 4 * granule) ? shifted & ~(block - 1) : shifted
               select new Step(isMap, start + further, (1UL << 48) + large + apart + (further & (block - 1)), bytes, protection);
    }

    private static IEnumerable<Step[]> Shorter(Step[] steps) =>
        Enumerable.Range(0, steps.Length).Select(without => (Step[])[.. steps[..without], .. steps[(without + 1)..]]);

    private static bool Agree(PageTableFormat format, Step[] steps)
    {
        PageTable table = new(format);
        PageTableModel model = new(format);
        foreach (Step step in steps)
        {
            if (step.IsMap)
            {
                Assert.Equal(model.Map(step.Iova, step.Pa, step.Size, step.Protection), table.Map(new Iova(step.Iova), new PhysicalAddress(step.Pa), step.Size, step.Protection).Errno);
            }
            else
            {
                bool aligned = (step.Iova | step.Size) % format.Granule == 0;
                Assert.Equal(aligned ? model.Unmap(step.Iova, step.Size) : 0, table.Unmap(new Iova(step.Iova), step.Size));
            }

            Assert.Equal(model.Blocks.Count, table.EntryCount);
            Assert.Equal(model.MappedBytes, table.MappedBytes);
        }

        IEnumerable<PageTableModel.Block> some = model.Blocks.Where((_, index) => index % ((model.Blocks.Count / 50) + 1) == 0);
        foreach (ulong iova in steps.SelectMany(step => Around(step.Iova, step.Size)).Concat(some.SelectMany(block => Around(block.Iova, block.Size))))
        {
            foreach (IommuProtection access in (IommuProtection[])[IommuProtection.Read, IommuProtection.Write, IommuProtection.Read | IommuProtection.Write])
            {
                ulong? translated = table.TryTranslate(new Iova(iova), access, out PhysicalAddress pa, out _) ? pa.Value : null;
                Assert.Equal(model.Translate(iova, access), translated);
            }
        }

        table.Unmap(new Iova(0), 1UL << 63);
        Assert.Equal(0, table.EntryCount);
        Assert.InRange(table.TableCount, 1, format.Levels);
        table.Unmap(new Iova(0), 1UL << 63);
        Assert.Equal(1, table.TableCount);
        return true;
    }

    private static ulong[] Around(ulong iova, ulong size) => [iova, unchecked(iova - 1), unchecked(iova + size - 1), unchecked(iova + size), unchecked(iova + (size / 2))];
}
