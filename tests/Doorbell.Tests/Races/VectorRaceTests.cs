using Doorbell.Msi;
using Doorbell.Tests.Msi;
using Xunit.Abstractions;

namespace Doorbell.Tests.Races;

/// <summary>Every order in which racing operations on vectors can come between one another (M4, M5, M6, M8, I9, N1, N2, N4).</summary>
public class VectorRaceTests(ITestOutputHelper output)
{
    private const MappingPoint Activate = MappingPoint.Activate;
    private const MappingPoint Alloc = MappingPoint.Alloc;
    private static readonly Errno[] s_bothSucceed = [Errno.None, Errno.None];

    [Fact]
    public void M5_M6_affinity_and_disarm() =>
        All("affinity/disarm", () => PerCpu().Device(2, 2).Affinity(0, 0, 1).Disarm(0, 0));

    [Fact]
    public void M5_affinity_and_affinity_of_one_vector() =>
        All("affinity/affinity", () => PerCpu().Device(1, 1).Affinity(0, 0, 1).Affinity(0, 0, 2));

    [Fact]
    public void M5_N2_affinity_of_two_devices_in_one_domain() =>
        All("affinity/affinity of two devices", () => PerCpu().Device(1, 1).Device(1, 1, domain: 0).Affinity(0, 0, 1).Affinity(1, 0, 1));

    [Theory]
    [InlineData(Activate)]
    [InlineData(Alloc)]
    public void M4_N2_arm_and_arm_of_two_vectors(MappingPoint point) =>
        All("arm/arm", () => Its(point, both: true).Device(2, 0).Arm(0, 0).Arm(0, 1));

    [Theory]
    [InlineData(Activate)]
    [InlineData(Alloc)]
    public void M4_N2_arm_and_arm_of_two_devices_in_one_domain(MappingPoint point) =>
        All("arm/arm of two devices", () => Its(point, both: true).Device(1, 0).Device(1, 0, domain: 0).Arm(0, 0).Arm(1, 0));

    [Fact]
    public void M4_arm_and_arm_of_one_vector_leave_it_to_one() => All(
        "arm/arm of one vector",
        () => new VectorRace(TestBoard.WithIts(Activate)) { Expect = race => Assert.Equal([Errno.None, Errno.EBUSY], race.Answers.Order()) }.Device(1, 0).Arm(0, 0).Arm(0, 0));

    [Theory]
    [InlineData(Activate)]
    [InlineData(Alloc)]
    public void M8_allocate_and_allocate_of_two_devices(MappingPoint point) =>
        All("allocate/allocate", () => Its(point, both: true).Device(0, 0).Device(0, 0, domain: 0).Allocate(0, 2).Allocate(1, 2), preemptions: 2);

    [Fact]
    public void M11_N4_allocate_and_allocate_behind_one_DeviceID() =>
        All("allocate/allocate behind one DeviceID", () => Its(Activate, both: true).Device(0, 0, deviceId: 8).Device(0, 0, deviceId: 8, domain: 0).Allocate(0, 1).Allocate(1, 1));

    [Theory]
    [InlineData(Activate)]
    [InlineData(Alloc)]
    public void M6_N2_arm_and_close(MappingPoint point) =>
        All("arm/close", () => Its(point).Device(2, 1).Arm(0, 1).Close(0));

    [Fact]
    public void I6_M6_last_disarm_of_a_device_and_first_arm_of_another_in_one_domain() =>
        All("disarm/arm of two devices", () => Its(Activate).Device(1, 1).Device(1, 0, domain: 0).Disarm(0, 0).Arm(1, 0));

    [Theory]
    [InlineData(Activate, false, false)]
    [InlineData(Activate, true, false)]
    [InlineData(Alloc, false, false)]
    [InlineData(Activate, false, true)]
    [InlineData(Alloc, false, true)]
    public void I9_N1_attach_and_arm(MappingPoint point, bool cancel, bool otherWindow) =>
        All("attach/arm", () => Its(point, both: true).Device(2, 1).Replace(0, cancel, otherWindow).Arm(0, 1));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void I9_N1_domain_replace_and_affinity(bool otherWindow) =>
        All("domain-replace/affinity", () => PerCpu().Device(1, 1).Replace(0, otherWindow: otherWindow).Affinity(0, 0, 1));

    [Fact]
    public void I9_N2_domain_replace_and_disarm() =>
        All("domain-replace/disarm", () => Its(Activate).Device(1, 1).Replace(0).Disarm(0, 0));

    [Fact]
    public void I9_N2_domain_replace_and_close() =>
        All("domain-replace/close", () => Its(Alloc).Device(2, 1).Replace(0).Close(0));

    [Fact]
    public void M5_M6_I6_affinity_and_disarm_and_arm() =>
        All("affinity/disarm/arm", () => PerCpu().Device(2, 1).Device(1, 0, domain: 0).Affinity(0, 0, 1).Disarm(0, 0).Arm(1, 0), preemptions: 2);

    [Fact]
    public void I9_M5_M6_domain_replace_and_affinity_and_close() =>
        All("domain-replace/affinity/close", () => PerCpu().Device(2, 1).Replace(0).Affinity(0, 0, 1).Close(0), preemptions: 2);

    private static VectorRace PerCpu() => new(TestBoard.WithDoorbellPerCpu(Activate));

    private static VectorRace Its(MappingPoint point, bool both = false) =>
        new(TestBoard.WithIts(point)) { Expect = race => Assert.Equal(both ? s_bothSucceed : race.Answers, race.Answers) };

    private void All(string name, Func<Race> newRace, int? preemptions = 3) =>
        output.WriteLine($"{name}: {Explorer.Run(newRace, preemptions)}");
}
