using Doorbell.Vfio;
using FsCheck;
using FsCheck.Fluent;

namespace Doorbell.Tests.Vfio;

public class IovaMapTests
{
    private sealed record Slot(Iova Iova, ulong Size) : IovaSlot(Iova, Size);

    [Fact]
    public void Any_sequence_answers_as_a_sorted_list_would()
    {
        Gen<(bool IsAdd, int First, int Size)> step = from isAdd in Gen.Frequency((3, Gen.Constant(true)), (2, Gen.Constant(false)))
                                                      from first in Gen.Choose(0, 3000)
                                                      from size in Gen.Choose(1, 3)
                                                      select (isAdd, first, size);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(30).WithEndSize(2000), Prop.ForAll(Arb.From(Gen.ArrayOf(step)), Agree));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [InlineData(0)]
    public void Ten_thousand_are_found_again_and_go_in_any_order(int direction)
    {
        IovaMap map = new();
        Random random = new(7);
        Slot[] slots = [.. Enumerable.Range(0, 10_000).Select(i => new Slot(new Iova((ulong)i << 13), 0x1000))];
        if (direction < 0)
        {
            Array.Reverse(slots);
        }
        else if (direction == 0)
        {
            random.Shuffle(slots);
        }

        foreach (Slot slot in slots)
        {
            map.Add(slot);
        }

        Assert.Equal(slots.OrderBy(slot => slot.Iova), map.ToList());
        Assert.All(slots, slot => Assert.Same(slot, map.At(slot.Last)));
        Assert.All(slots, slot => Assert.Null(map.At(slot.Last + 1)));
        random.Shuffle(slots);
        foreach (Slot slot in slots)
        {
            map.Remove(slot);
            Assert.Null(map.At(slot.Iova));
        }

        Assert.Equal(0, map.Count);
        Assert.Null(map.FirstIn(default, new Iova(ulong.MaxValue)));
        map.Add(slots[0]);
        Assert.Same(slots[0], map.FirstIn(default, new Iova(ulong.MaxValue)));
    }

    private static bool Agree((bool IsAdd, int First, int Size)[] steps)
    {
        IovaMap map = new();
        List<Slot> model = [];
        foreach ((bool isAdd, int first, int size) in steps)
        {
            Iova start = new((ulong)first);
            Iova last = start + (ulong)(size - 1);
            Slot? there = model.Where(slot => slot.Iova <= last && slot.Last >= start).MinBy(slot => slot.Iova);
            Assert.Same(there, map.FirstIn(start, last));
            if (isAdd && there is null)
            {
                model.Add(new Slot(start, (ulong)size));
                map.Add(model[^1]);
            }
            else if (!isAdd && there is not null)
            {
                model.Remove(there);
                map.Remove(there);
            }

            Assert.Equal(model.Count, map.Count);
        }

        Assert.Equal(model.OrderBy(slot => slot.Iova), map.ToList());
        return true;
    }
}
