using Doorbell.Iommu;
using FsCheck;
using FsCheck.Fluent;

namespace Doorbell.Tests.Iommu;

public class DoorbellModelTests
{
    private sealed record Step(bool IsGet, ulong Pa, ulong Size, IommuProtection Protection, int Which);

    private readonly record struct Held(Iova Iova, Step Get);

    [Theory]
    [InlineData(12, DoorbellRetention.UntilLastReference)]
    [InlineData(12, DoorbellRetention.UntilDomainFreed)]
    [InlineData(16, DoorbellRetention.UntilLastReference)]
    public void N1_N2_N3_after_any_sequence_of_gets_and_puts_each_holder_still_reaches_its_doorbell(int order, DoorbellRetention retention)
    {
        Gen<Step> step = from isGet in Gen.Frequency((3, Gen.Constant(true)), (2, Gen.Constant(false)))
                         from granule in Gen.Choose(0, 5)
                         from offset in Gen.Elements(0UL, 0x40UL, 0xffcUL)
                         from size in Gen.Elements(4UL, 4UL, 0x1000UL, 0x1_0000UL, 0x2_1000UL)
                         from protection in Gen.Elements(IommuHarness.DoorbellProtection, IommuHarness.DoorbellProtection, IommuProtection.Read, IommuProtection.Read | IommuProtection.Write)
                         from which in Gen.Choose(0, 1000)
                         select new Step(isGet, 0x800_0000 + ((ulong)granule << order) + offset, size, protection, which);
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(200).WithEndSize(120),
            Prop.ForAll(Arb.From(Gen.ArrayOf(step)), steps => Holds(steps, order, retention)));
    }

    private static bool Holds(Step[] steps, int order, DoorbellRetention retention)
    {
        IommuHarness harness = new(retention, windowSize: 24UL << order, order: order);
        List<Held> held = [];
        foreach (Step step in steps)
        {
            if (step.IsGet)
            {
                Result<Iova> got = harness.Domain.GetReservedIova(new PhysicalAddress(step.Pa), step.Size, step.Protection);
                Assert.True(got.IsOk || got.Errno == Errno.ENOMEM, got.Reason);
                if (got.IsOk)
                {
                    held.Add(new Held(got.Value, step));
                }
            }
            else if (held.Count > 0)
            {
                harness.Domain.PutReservedIova(held[step.Which % held.Count].Iova);
                held.RemoveAt(step.Which % held.Count);
            }

            CheckBooks(harness, held, order);
        }

        foreach (Held one in held)
        {
            harness.Domain.PutReservedIova(one.Iova);
        }

        Assert.Equal(0, harness.Window.ReferenceCount);
        Assert.True(harness.Domain.IsEmpty || retention == DoorbellRetention.UntilDomainFreed);
        harness.Domain.Free();
        Assert.True(harness.Domain.IsEmpty);
        return true;
    }

    private static void CheckBooks(IommuHarness harness, List<Held> held, int order)
    {
        Assert.Equal(held.Count, harness.Window.ReferenceCount);
        Assert.Equal(held.Count, harness.Window.GetBindings().Sum(binding => binding.References));
        Assert.Equal((ulong)harness.Window.UsedGranules << order, harness.Domain.MappedBytes);
        foreach (Held one in held)
        {
            Assert.Equal(one.Get.Pa & ((1UL << order) - 1), one.Iova.Value & ((1UL << order) - 1));
            Assert.True(one.Iova >= harness.Window.Base && one.Iova + (one.Get.Size - 1) <= harness.Window.Last);
            Assert.Equal(one.Get.Pa, harness.Translate(one.Iova, one.Get.Protection));
            Assert.Equal(one.Get.Pa + one.Get.Size - 1, harness.Translate(one.Iova + (one.Get.Size - 1), one.Get.Protection));
        }
    }
}
