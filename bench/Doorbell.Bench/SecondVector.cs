using BenchmarkDotNet.Attributes;
using Doorbell.Events;
using Doorbell.Gic;
using Doorbell.Interrupts;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Msi;

namespace Doorbell.Bench;

/// <summary>A vector armed and disarmed at an ITS: on a doorbell page that is bound already, and where nothing translates. Mapped at activation, so that each pays for its reference.</summary>
public class SecondVector
{
    private const int Turn = 256;

    private readonly Handler _handler = new();
    private MsiDeviceVectors _bound = null!;
    private MsiDeviceVectors _untranslated = null!;

    /// <summary>Two devices with their first vector armed.</summary>
    [GlobalSetup]
    public void Arm()
    {
        EventStream events = new();
        GicDomain gic = new("gic", 4, 256, 16, events);
        GicV3Its its = new("its", new PhysicalAddress(0x808_0000), gic, events);
        MsiDomain msi = MsiDomains.PlatformMsi(new ItsDomain(its), events, MappingPoint.Activate);
        Doorbell.Iommu.Iommu smmu = new("smmu", IommuModel.SmmuV3, events);
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Check(domain.AllocateReservedIovaDomain(new Iova(0x800_0000), 0x10_0000, 12));
        Check(smmu.Attach(new StreamId(8), domain));
        _bound = Device(msi, 8, smmu.GetStream(new StreamId(8)));
        _untranslated = Device(msi, 16, null);
    }

    /// <summary>Where an IOMMU translates.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public bool Bound() => ArmAndDisarm(_bound);

    /// <summary>Where none does.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Turn)]
    public bool Untranslated() => ArmAndDisarm(_untranslated);

    private MsiDeviceVectors Device(MsiDomain msi, uint id, StreamTableEntry? stream)
    {
        MsiDeviceVectors vectors = msi.CreateDeviceVectors(new PlatformMsiDevice($"device {id}", new DeviceId(id), stream, 2, static (_, _) => { }));
        Check(vectors.Allocate(MsiKind.Platform, 2));
        Check(vectors.Request(0, _handler));
        return vectors;
    }

    private bool ArmAndDisarm(MsiDeviceVectors vectors)
    {
        bool armed = true;
        for (int i = 0; i < Turn; i++)
        {
            armed &= vectors.Request(1, _handler).IsOk;
            vectors.FreeIrq(1);
        }

        return armed ? armed : throw new InvalidOperationException("a vector was not armed");
    }

    private static void Check(Result result)
    {
        if (!result.IsOk)
        {
            throw new InvalidOperationException(result.ToString());
        }
    }

    private sealed class Handler : IInterruptHandler
    {
        public void Handle(int vector)
        {
        }
    }
}
