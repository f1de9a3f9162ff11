using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

/// <summary>Random operations on MSI-X against a model of a few lines.</summary>
public class MsiXModelTests
{
    private const int Vectors = 70;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void M9_Whatever_is_masked_enabled_or_raised_each_vector_is_sent_as_often_as_it_must(int seed)
    {
        var random = new Random(seed);
        var upstream = new FakeRequester();
        var function = new PciFunction(new PciAddress(0, 1, 0, 0), new PlainModel(PlainModel.Simple)) { Upstream = upstream };
        function.Enable();
        MsiXCapability msiX = function.MsiX!;
        var model = new Model();
        for (int step = 0; step < 10_000; step++)
        {
            int vector = random.Next(Vectors);
            bool on = random.Next(2) == 0;
            switch (random.Next(12))
            {
                case 0:
                    msiX.SetFunctionMask(model.FunctionMask = on);
                    break;
                case 1 when random.Next(4) == 0:
                    msiX.SetEnabled(on);
                    model.SetEnabled(on);
                    break;
                case 2:
                    model.Master = on;
                    function.SetCommand(on ? PciCommand.BusMaster | PciCommand.MemorySpace : PciCommand.MemorySpace);
                    break;
                case < 5:
                    uint data = (uint)random.Next();
                    msiX.WriteEntry(vector, 0x1000, 0, data);
                    model.Data[vector] = data;
                    break;
                case < 8:
                    msiX.SetMask(vector, model.Masked[vector] = on);
                    break;
                default:
                    Assert.Equal(model.Raise(vector), function.RaiseMsi(vector));
                    break;
            }

            model.Deliver();
            bool same = model.Sent.SequenceEqual(upstream.Msis.Select(msi => msi.Data));
            for (int i = 0; i < Vectors; i++)
            {
                same &= model.Pending[i] == msiX.IsPending(i);
            }

            if (!same)
            {
                Assert.Fail($"step {step} of seed {seed}");
            }

            model.Sent.Clear();
            upstream.Forget();
        }
    }

    private sealed class Model
    {
        public bool[] Masked { get; } = [.. Enumerable.Repeat(true, Vectors)];

        public bool[] Pending { get; } = new bool[Vectors];

        public uint[] Data { get; } = new uint[Vectors];

        public List<uint> Sent { get; } = [];

        public bool FunctionMask { get; set; }

        public bool Master { get; set; } = true;

        private bool Enabled { get; set; }

        public void SetEnabled(bool enabled)
        {
            Enabled = enabled;
            if (!enabled)
            {
                Array.Clear(Pending);
            }
        }

        public bool Raise(int vector)
        {
            if (!Enabled)
            {
                return false;
            }

            if (Masked[vector] || FunctionMask)
            {
                Pending[vector] = true;
                return true;
            }

            if (Master)
            {
                Sent.Add(Data[vector]);
            }

            return Master;
        }

        public void Deliver()
        {
            for (int i = 0; i < Vectors; i++)
            {
                if (Enabled && !FunctionMask && Master && Pending[i] && !Masked[i])
                {
                    Pending[i] = false;
                    Sent.Add(Data[i]);
                }
            }
        }
    }
}
