using System.Text;
using Doorbell.Msi;
using Doorbell.Vfio;
using Xunit.Abstractions;

namespace Doorbell.Tests.Vfio;

/// <summary>
/// Two clients do at random what clients can do, on machines of every kind, in both uAPIs and with both mapping points; N1 to N5 after each
/// operation, V7 at the end. A history that fails is made short before it is printed.
/// </summary>
public class RandomOperationTests(ITestOutputHelper output)
{
    private const int Worlds = 16;
    private const int Operations = 500;
    private const int FixedSeed = 20160404;

    public static TheoryData<string, VfioUapi, MappingPoint, string> Machines => new()
    {
        { "virt-gicv3", VfioUapi.Mainline, MappingPoint.Alloc, "0000:01:00.0 0000:02:00.0 0000:00:09.0 0000:00:09.1" },
        { "virt-gicv3", VfioUapi.ReservedIovaV6, MappingPoint.Activate, "0000:01:00.0 0000:02:00.0 0000:00:09.0 0000:00:09.1" },
        { "virt-gicv3", VfioUapi.ReservedIovaV6, MappingPoint.Alloc, "0000:01:00.0 0000:02:00.0" },
        { "virt-gicv2m", VfioUapi.Mainline, MappingPoint.Activate, "0000:01:00.0 0000:02:00.0 0000:00:09.0" },
        { "amd-overdrive", VfioUapi.ReservedIovaV6, MappingPoint.Activate, "0000:01:00.0 0000:02:00.0 0000:03:00.0" },
        { "cavium-thunderx", VfioUapi.Mainline, MappingPoint.Alloc, "0006:90:00.0 000e:90:00.0 0002:01:00.0" },
        { "cavium-thunderx", VfioUapi.ReservedIovaV6, MappingPoint.Activate, "0006:90:00.0 000e:90:00.0" },
        { "q35-intel-ir", VfioUapi.Mainline, MappingPoint.Alloc, "0000:01:00.0 0000:02:00.0 0000:04:00.0" },
    };

    [Theory]
    [MemberData(nameof(Machines))]
    public void N1_N2_N3_N4_N5_V7_hold_after_every_operation(string machine, VfioUapi uapi, MappingPoint point, string slots)
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("DOORBELL_SEED"), out int given) ? given : Random.Shared.Next();
        output.WriteLine($"DOORBELL_SEED={seed}; and {FixedSeed}");
        (int Mapped, int Armed, int Arrived) happened = default;
        foreach (int each in (int[])[seed, FixedSeed])
        {
            Random random = new(each);
            for (int world = 0; world < Worlds; world++)
            {
                Operation[] operations = [.. Enumerable.Range(0, Operations).Select(_ => Operation.Random(random))];
                if (Failure(operations) is { } failure)
                {
                    Assert.Fail(Describe(each, Shortest(operations), failure));
                }
            }
        }

        output.WriteLine($"{2 * Worlds * Operations} operations: {happened.Mapped} mappings made, {happened.Armed} triggers given, {happened.Arrived} messages arrived");
        Assert.True(happened is { Mapped: > 300, Armed: > 800, Arrived: > 100 }, $"too little happened: {happened}");

        Exception? Failure(IReadOnlyList<Operation> operations)
        {
            try
            {
                OperationWorld tried = new(machine, uapi, point, slots.Split(' '));
                foreach (Operation operation in operations)
                {
                    tried.Do(operation);
                    tried.Check();
                }

                tried.End();
                (int mapped, int armed, int arrived) = tried.Happened;
                happened = (happened.Mapped + mapped, happened.Armed + armed, happened.Arrived + arrived);
                return null;
            }
            catch (Exception failure)
            {
                return failure;
            }
        }

        // Leaves out ever smaller parts for as long as it still fails.
        List<Operation> Shortest(Operation[] operations)
        {
            List<Operation> left = [.. operations];
            for (int part = left.Count / 2; part > 0; part /= 2)
            {
                for (int at = 0; at + part <= left.Count;)
                {
                    List<Operation> without = [.. left.Take(at), .. left.Skip(at + part)];
                    if (Failure(without) is null)
                    {
                        at += part;
                    }
                    else
                    {
                        left = without;
                    }
                }
            }

            return left;
        }

        string Describe(int failed, List<Operation> operations, Exception failure)
        {
            StringBuilder text = new();
            text.AppendLine($"DOORBELL_SEED={failed}: {machine}, {uapi}, {point}: {(Failure(operations) ?? failure).Message}");
            operations.ForEach(operation => text.AppendLine($"  {operation}"));
            return text.AppendLine((Failure(operations) ?? failure).StackTrace).ToString();
        }
    }
}
