using FsCheck;
using FsCheck.Fluent;

namespace Doorbell.Tests.Devices;

public class NvmeModelTests
{
    /// <summary>Each number is an operation; what fails is made short.</summary>
    [Fact]
    public void Whatever_commands_come_each_completes_once_with_the_code_and_the_data_of_a_model_and_touches_nothing_else() => Prop.ForAll(
        ArbMap.Default.ArbFor<DoNotSize<int>[]>(),
        seeds =>
        {
            var world = new NvmeWorld();
            foreach (DoNotSize<int> seed in seeds)
            {
                world.Step(new Random(seed.Item));
            }

            world.CheckMemory();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(150));
}
