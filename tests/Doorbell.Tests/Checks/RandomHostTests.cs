using Doorbell.Checks;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Tests.Checks;

/// <summary>Facts of any shape, contradictory ones too, get an answer that keeps to its own rules.</summary>
public class RandomHostTests
{
    [Fact]
    public void Whatever_the_facts_there_is_a_verdict_and_it_follows_from_its_reasons()
    {
        for (int seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            HostFacts facts = Make(random);
            CheckReport report = PassthroughCheck.Judge(facts, new CheckOptions { AllowUnsafeInterrupts = random.Next(4) == 0, Devices = random.Next(3) == 0 ? [Address(random), Address(random)] : [] });
            foreach (FunctionCheck check in report.Functions)
            {
                CheckSeverity worst = check.Reasons.Select(reason => reason.Kind.Severity).DefaultIfEmpty(CheckSeverity.Note).Min();
                CheckVerdict expected = worst switch
                {
                    CheckSeverity.Blocks => CheckVerdict.NotAssignable,
                    CheckSeverity.Unknown => CheckVerdict.Unknown,
                    _ => CheckVerdict.Assignable,
                };
                Assert.True(expected == check.Verdict, $"seed {seed}, {check.Function.Address}");
                Assert.True(check.Verdict != CheckVerdict.Assignable || (check.Group is not null && (check.Path.IsIsolated == true || check.IsUnsafe)), $"seed {seed}: {check.Function.Address} is assignable and what matters is not known");
                Assert.All(check.Reasons, reason => Assert.Contains(reason.Kind, ReasonKinds.All));
            }
        }
    }

    private static HostFacts Make(Random random)
    {
        List<HostFunction> functions = [];
        for (int i = random.Next(8); i > 0; i--)
        {
            PciAddress address = Address(random);
            byte[] config = new byte[random.Next(4) switch { 0 => 0, 1 => 0x40, 2 => 0x100, _ => 0x1000 }];
            random.NextBytes(config);
            functions.Add(new HostFunction
            {
                Address = address,
                Evidence = new Evidence($"/sys/bus/pci/devices/{address}"),
                ClassCode = Pick(random, 0u, 0x060400u, 0x020000u, 0x030000u, 0x060000u),
                Config = config,
                Driver = Pick(random, null, "vfio-pci", "nvme", "pcieport"),
                DriverKnown = random.Next(3) > 0,
                Group = Pick<int?>(random, null, 0, 1, 2, 1, 2),
                Parent = random.Next(2) == 0 ? null : Address(random),
                ResetMethods = Pick<IReadOnlyList<string>?>(random, null, [], ["flr"]),
                NoGroupReason = random.Next(9) == 0 ? "so it is said" : null,
            });
        }

        List<HostGroup> groups = [];
        for (int i = random.Next(4); i > 0; i--)
        {
            groups.Add(new HostGroup(i, null, [.. Enumerable.Range(0, random.Next(4)).Select(_ => Address(random))], random.Next(9) == 0 ? ["dma@0"] : [], random.Next(4) == 0 ? null : Regions(random), new Evidence($"/sys/kernel/iommu_groups/{i}")));
        }

        bool isX86 = random.Next(2) == 0;
        return new HostFacts
        {
            Name = "any",
            Architecture = random.Next(5) == 0 ? null : isX86 ? MachineArchitecture.X86 : MachineArchitecture.Arm64,
            IsRunning = random.Next(4) > 0,
            Functions = functions,
            Groups = random.Next(5) == 0 ? null : groups,
            Firmware = random.Next(4) == 0 ? null : new StaticFirmware
            {
                Architecture = isX86 ? MachineArchitecture.X86 : MachineArchitecture.Arm64,
                Iommus = random.Next(3) == 0 ? [] : [new FirmwareIommu { Name = "unit", Model = (SmmuModel)random.Next(4), InterruptRemapping = Pick<bool?>(random, null, false, true), InputBits = Pick<int?>(random, null, 0, 39, 48, 64, 99), Evidence = new Evidence("table") }],
                MsiControllers = random.Next(3) == 0 ? [] : [new FirmwareMsiController("ctl", (FirmwareMsiKind)random.Next(4), Pick<ulong?>(random, null, 0x40, ulong.MaxValue), new Evidence("table"))],
                ReservedMemory = [.. Regions(random).Select(region => new FirmwareReservedMemory(region, random.Next(2) == 0 ? [] : [Address(random)], Pick(random, null, "unit", "other"), new Evidence("table")) { FunctionsAreKnown = random.Next(2) == 0, IsRelaxable = random.Next(2) == 0 })],
            },
            Kernel = new HostKernel
            {
                Release = Pick(random, null, "", "6", "x.y", "6.1.0-40", "6.12-rc1", "99999999999.1"),
                CommandLine = Pick(random, null, "", "=", "intel_iommu=off iommu=pt", "arm-smmu.disable_bypass=0 vfio_iommu_type1.allow_unsafe_interrupts", "intremap=nosid,off iommu="),
                Configuration = random.Next(2) == 0 ? null : new Dictionary<string, string> { ["CONFIG_VFIO"] = "y", ["CONFIG_VFIO_PCI"] = "m", [Pick(random, "CONFIG_VFIO_IOMMU_TYPE1", "CONFIG_X")] = "y" },
                ModuleParameters = random.Next(2) == 0 ? new Dictionary<string, string>() : new Dictionary<string, string> { ["vfio_iommu_type1.allow_unsafe_interrupts"] = Pick(random, "Y", "N", ""), ["vfio_pci."] = "" },
                PageSize = Pick<ulong?>(random, null, 0, 0x1000, 0x10000),
                Iommus = Pick<IReadOnlyList<string>?>(random, null, [], ["dmar0"], ["smmu3.0", "smmu3.1"]),
                InterruptChips = Pick<IReadOnlyList<string>?>(random, null, [], ["IR-PCI-MSI"], ["PCI-MSI"], ["ITS-PCI-MSIX-0000:01:00.0", "GICv2m-PCI-MSI-0000:00:01.0"]),
                IrqDomains = random.Next(3) > 0 ? null : new Dictionary<string, string> { [Pick(random, "MSI", "MSI-", "ITS-PCI-MSIX-0000:01:00.0-1", "default")] = Pick(random, "", "IRQ_DOMAIN_FLAG_MSI", "IRQ_DOMAIN_FLAG_MSI_PARENT\nIRQ_DOMAIN_FLAG_ISOLATED_MSI") },
            },
        };
    }

    private static List<ReservedRegion> Regions(Random random) =>
        [.. Enumerable.Range(0, random.Next(4)).Select(_ => new ReservedRegion(new Iova((ulong)random.NextInt64()), (ulong)random.NextInt64(), (ReservedRegionType)random.Next(5)))];

    private static PciAddress Address(Random random) => new((ushort)random.Next(2), (byte)random.Next(3), (byte)random.Next(3), (byte)random.Next(2));

    private static T Pick<T>(Random random, params T[] values) => values[random.Next(values.Length)];
}
