using BenchmarkDotNet.Attributes;
using Doorbell.Pci;

namespace Doorbell.Bench;

/// <summary>An MSI at 65,536 vectors on 4,096 devices, beside the same loop over 8 vectors of one device: what the size of the machine costs.</summary>
/// <remarks>All vectors go to one handler: what is measured ends where a handler begins. Every device is in one container, behind one ITS and one SMMUv3.</remarks>
public class MsiDeliveryAtScale
{
    private const int Devices = 4096;
    private const int Vectors = 16;
    private const int SmallVectors = 8;
    private const int Turn = Devices * Vectors;

    private (PciFunction Function, int Vector)[] _few = [];
    private (PciFunction Function, int Vector)[] _all = [];
    private (PciFunction Function, int Vector)[] _shuffled = [];

    /// <summary>One device.</summary>
    [GlobalSetup(Target = nameof(OneDevice))]
    public void ArmOne() => _few = LargeMachine.Armed(1, SmallVectors).Order(shuffled: false);

    /// <summary>All of them.</summary>
    [GlobalSetup(Targets = [nameof(RoundRobin), nameof(Random)])]
    public void ArmAll()
    {
        LargeMachine machine = LargeMachine.Armed(Devices, Vectors);
        _all = machine.Order(shuffled: false);
        _shuffled = machine.Order(shuffled: true);
    }

    /// <summary>8 vectors of one device, one after the other.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Turn)]
    public int OneDevice()
    {
        int sent = 0;
        for (int turn = 0; turn < Turn / SmallVectors; turn++)
        {
            sent += Raise(_few);
        }

        return sent;
    }

    /// <summary>A vector of each of 4,096 devices, then the next of each, and so on through all 65,536.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public int RoundRobin() => Raise(_all);

    /// <summary>All 65,536 in an order nothing can guess.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public int Random() => Raise(_shuffled);

    private static int Raise((PciFunction Function, int Vector)[] order)
    {
        int sent = 0;
        foreach ((PciFunction function, int vector) in order)
        {
            sent += function.RaiseMsi(vector) ? 1 : 0;
        }

        return sent == order.Length ? sent : throw new InvalidOperationException($"{order.Length - sent} MSIs were lost");
    }
}
