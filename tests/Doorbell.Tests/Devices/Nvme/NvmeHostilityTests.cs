using Doorbell.Devices;
using Doorbell.Tests.Pci;
using static Doorbell.Tests.Devices.NvmeHost;

namespace Doorbell.Tests.Devices;

/// <summary>Commands and register accesses no driver would make: each is answered, none breaks the controller.</summary>
public class NvmeHostilityTests
{
    private const ulong Area = Base + 0x30_0000;

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Every_random_command_is_answered_once_and_the_controller_goes_on(int seed)
    {
        var random = new Random(seed);
        var host = new NvmeHost(new MemoryBlockBackend(1 << 20));
        host.EnableMsiX();
        host.EnableController();
        host.CreateQueue(1);
        random.NextBytes(host.Memory.At(Area, 1 << 20));
        for (int i = 0; i < 10_000; i++)
        {
            bool admin = random.Next(3) == 0;

            // Not those that create or delete: they would write queues over the test's own.
            byte opcode = admin ? Pick<byte>(random, 2, 6, 8, 9, 10, (byte)random.Next(0x0d, 256)) : (byte)random.Next(random.Next(2) == 0 ? 12 : 256);
            ushort id = host.Submit(admin ? 0 : 1, new Command
            {
                Opcode = opcode,
                Flags = (byte)(random.Next(8) == 0 ? random.Next(256) : 0),
                Nsid = Pick<uint>(random, 0, 1, 1, 1, 2, uint.MaxValue),
                Prp1 = Address(random),
                Prp2 = Address(random),
                Cdw10 = Pick<uint>(random, 0, 1, 2, 3, (uint)random.Next(2048), (uint)random.Next(), 0x00ff_0001),
                Cdw11 = Pick<uint>(random, 0, 0, 0, 1, (uint)random.Next()),
                Cdw12 = Pick<uint>(random, 0, 7, 1023, (uint)random.Next()),
                Cdw13 = Pick<uint>(random, 0, 0, (uint)random.Next()),
            });
            host.Ring(admin ? 0 : 1);
            Completion? completion = host.Poll(admin ? 0 : 1);
            Assert.True(completion is { } done && done.CommandId == id, $"command {i} of seed {seed}");
            Assert.Null(host.Poll(admin ? 0 : 1));
        }

        Assert.Equal(1u, host.Status);
        Assert.Equal(0, host.Admin(new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 }).Code);
    }

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public void Random_register_accesses_break_nothing_that_a_reset_does_not_mend(int seed)
    {
        var random = new Random(seed);
        var host = new NvmeHost(new MemoryBlockBackend(1 << 20));
        var buffer = new byte[64];
        for (int i = 0; i < 20_000; i++)
        {
            ulong offset = random.Next(4) switch
            {
                0 => (ulong)random.Next(0x4000),
                1 => 0x1000 + (4 * (ulong)random.Next(18)),
                _ => 4 * (ulong)random.Next(16),
            };
            Span<byte> access = buffer.AsSpan(0, Pick(random, 1, 2, 4, 4, 4, 8, 64));
            random.NextBytes(access);
            if (random.Next(4) == 0)
            {
                host.Function.ReadBar(0, offset, access);
            }
            else if (random.Next(8) == 0)
            {
                host.Function.Bar32(0, 0x14, random.Next(2) == 0 ? 0 : 0x0046_0001u);
            }
            else if (random.Next(8) == 0)
            {
                host.Function.Bar64(0, random.Next(2) == 0 ? 0x28u : 0x30u, Base + (4096 * (ulong)random.Next(64)));
            }
            else
            {
                host.Function.WriteBar(0, offset, access);
            }
        }

        host.Function.ResetFunction();
        host.Function.Enable();
        host.EnableMsiX();
        host.EnableController();
        Assert.Equal(0, host.Admin(new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 }).Code);
    }

    private static T Pick<T>(Random random, params ReadOnlySpan<T> choices) => choices[random.Next(choices.Length)];

    private static ulong Address(Random random) => random.Next(4) switch
    {
        0 => Area + (ulong)random.Next(1 << 20),
        1 => (ulong)random.NextInt64(),
        _ => Area + (4096 * (ulong)random.Next(200)),
    };
}
