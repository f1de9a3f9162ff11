using Doorbell.Checks;
using Doorbell.Hosts;
using Doorbell.Machines;
using Doorbell.Tests.Machines;
using Doorbell.Vfio;

namespace Doorbell.Tests.Checks;

/// <summary>What is said of a described machine is what VFIO over the machine, built, then does.</summary>
public class DescribedMachineTests
{
    public static TheoryData<string, bool> Machines
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (string name in BuiltInMachines.Names)
            {
                data.Add(name, false);
                data.Add(name, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void V3_V4_The_verdict_is_what_VFIO_then_does_with_each_slot(string name, bool allowsUnsafe)
    {
        MachineDescription description = TestMachines.Load(name);
        CheckReport report = PassthroughCheck.Judge(HostFacts.From(description).Value, new CheckOptions { AllowUnsafeInterrupts = allowsUnsafe });
        Assert.Equal(description.Slots.Select(slot => slot.Address).Order(), report.Functions.Select(check => check.Function.Address));
        MachineSurvey survey = MachineSurvey.Of(description).Value;
        VfioHost vfio = survey.Machine.CreateVfioHost(new VfioOptions { AllowUnsafeInterrupts = allowsUnsafe });
        foreach (FunctionCheck check in report.Functions)
        {
            PassthroughDevice device = survey.Machine.Find(check.Function.Address)!;
            Assert.NotEqual(CheckVerdict.Unknown, check.Verdict);
            Assert.Equal(survey.Machine.FindGroup(device)?.Id, check.Group?.Number);
            Assert.Equal(Attach(vfio, survey.Machine.FindGroup(device)), check.Verdict == CheckVerdict.Assignable);
            Assert.Equal(device.Iommu is null ? null : device.StreamId.Value, check.Path.StreamId);
            Assert.Equal(SafetyVerdict.Of(device).IsSafe, check.Path.IsIsolated);
        }
    }

    [Theory]
    [InlineData("amd-overdrive", "msi-not-isolated", "V3")]
    [InlineData("virt-gicv2m", "msi-not-isolated", "V3")]
    [InlineData("q35-intel-noir", "interrupt-remapping-off", "V3")]
    public void V3_A_machine_that_does_not_isolate_is_refused_with_its_controller_named_and_where_it_is_said(string name, string id, string rule)
    {
        CheckReport report = PassthroughCheck.Judge(HostFacts.From(TestMachines.Load(name), $"{name}.yaml").Value, new CheckOptions());
        Assert.All(report.Functions, check =>
        {
            Assert.Equal((CheckVerdict.NotAssignable, id, rule), (check.Verdict, check.Decisive!.Kind.Id, check.Decisive.Kind.Rule));
            Assert.Equal($"{name}.yaml", Assert.Single(check.Decisive.Evidence).File);
        });
    }

    [Fact]
    public void I9_Usable_ranges_of_a_described_machine_are_those_VFIO_reports()
    {
        foreach (string name in BuiltInMachines.Names)
        {
            MachineDescription description = TestMachines.Load(name);
            CheckReport report = PassthroughCheck.Judge(HostFacts.From(description).Value, new CheckOptions());
            MachineSurvey survey = MachineSurvey.Of(description).Value;
            VfioHost vfio = survey.Machine.CreateVfioHost(new VfioOptions { AllowUnsafeInterrupts = true });
            foreach (FunctionCheck check in report.Functions)
            {
                VfioGroup group = vfio.OpenGroup(check.Group!.Number).Value;
                VfioContainer container = vfio.OpenContainer();
                Assert.True(group.SetContainer(container).IsOk);
                Assert.True(container.SetIommu(VfioIommuType.Type1v2).IsOk);
                Assert.Equal(container.GetInfo().Value.UsableRanges, check.UsableRanges!);
                group.Release();
                container.Release();
            }
        }
    }

    [Fact]
    public void A_machine_that_cannot_be_built_is_refused_with_the_builders_sentence()
    {
        MachineDescription description = TestMachines.Load("virt-gicv3");
        MachineDescription twice = description with { PciHosts = [description.PciHosts[0], description.PciHosts[0] with { Name = "again" }] };
        Result<HostFacts> facts = HostFacts.From(twice);
        Assert.False(facts.IsOk);
        Assert.NotEmpty(facts.Reason);
    }

    private static bool Attach(VfioHost vfio, PassthroughGroup? group)
    {
        if (group is null)
        {
            return false;
        }

        VfioGroup opened = vfio.OpenGroup(group.Id).Value;
        VfioContainer container = vfio.OpenContainer();
        bool isAttached = opened.SetContainer(container).IsOk && container.SetIommu(VfioIommuType.Type1v2).IsOk;
        opened.Release();
        container.Release();
        return isAttached;
    }
}
