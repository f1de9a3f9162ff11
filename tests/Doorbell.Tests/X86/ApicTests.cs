using Doorbell.Fabric;
using Doorbell.Msi;
using Doorbell.Tests.Msi;
using Doorbell.X86;

namespace Doorbell.Tests.X86;

/// <summary>MSI straight to the APICs: the message is the destination, and nobody looks at who writes it.</summary>
public class ApicTests
{
    private readonly X86Rig _rig = X86Rig.Plain();

    [Fact]
    public void M4_The_message_names_CPU_and_vector_and_arrives_there()
    {
        (X86Rig.X86Device device, MsiDeviceVectors vectors, CountingHandler[] handlers) = _rig.Arm(0x100, 3);
        Assert.Equal([0xfee0_0000UL, 0xfee0_1000, 0xfee0_2000], device.Held.Values.Select(message => message.Address));
        Assert.All(device.Held.Values, message => Assert.True(ApicDomain.IsForDevices((int)message.Data)));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(BusWriteOutcome.Delivered, _rig.Send(device, i));
            Assert.Equal(1, handlers[i].Total);
            Assert.Equal(i, vectors.GetIrq(i)!.Affinity);
        }
    }

    [Fact]
    public void M2_Nothing_isolates_so_that_any_device_raises_any_vector()
    {
        (X86Rig.X86Device device, _, CountingHandler[] handlers) = _rig.Arm(0x100, 1);
        Assert.False(_rig.Msi.IsIsolated);
        Assert.Equal(BusWriteOutcome.Delivered, _rig.Write(0x208, device.Held[0].Address, device.Held[0].Data));
        Assert.Equal(1, handlers[0].Total);
    }

    [Theory]
    [InlineData(MappingPoint.Alloc)]
    [InlineData(MappingPoint.Activate)]
    public void M5_SetAffinity_changes_the_message_and_the_old_one_goes_on_arriving_until_the_next_move(MappingPoint at)
    {
        X86Rig rig = X86Rig.Plain(at);
        (X86Rig.X86Device device, MsiDeviceVectors vectors, CountingHandler[] handlers) = rig.Arm(0x100, 1);
        MsiMessage before = device.Held[0];
        Assert.True(vectors.SetAffinity(0, 3).IsOk);
        Assert.Equal(0xfee0_3000UL, device.Held[0].Address);
        Assert.Equal(3, vectors.GetIrq(0)!.Affinity);
        Assert.Equal(BusWriteOutcome.Delivered, rig.Send(device, 0));

        // It was on its way when the device was told.
        Assert.Equal(BusWriteOutcome.Delivered, rig.Write(0x100, before.Address, before.Data));
        Assert.Equal(2, handlers[0].Total);

        Assert.True(vectors.SetAffinity(0, 1).IsOk);
        Assert.Equal(BusWriteOutcome.Refused, rig.Write(0x100, before.Address, before.Data));
    }

    [Fact]
    public void M5_Going_back_gives_the_previous_message_again()
    {
        (X86Rig.X86Device device, MsiDeviceVectors vectors, _) = _rig.Arm(0x100, 1);
        MsiMessage before = device.Held[0];
        Assert.True(vectors.SetAffinity(0, 1).IsOk);
        Assert.True(vectors.SetAffinity(0, 0).IsOk);
        Assert.Equal(before, device.Held[0]);
    }

    [Fact]
    public void M5_A_CPU_there_is_not_changes_nothing()
    {
        (X86Rig.X86Device device, MsiDeviceVectors vectors, _) = _rig.Arm(0x100, 1);
        int writes = device.Writes;
        Assert.Equal(Errno.EINVAL, vectors.SetAffinity(0, 4).Errno);
        Assert.Equal(writes, device.Writes);
        Assert.Equal(0, vectors.GetIrq(0)!.Affinity);
    }

    [Fact]
    public void M6_A_disarmed_vector_is_nobodys_and_its_message_is_cleared()
    {
        (X86Rig.X86Device device, MsiDeviceVectors vectors, _) = _rig.Arm(0x100, 1);
        MsiMessage before = device.Held[0];
        vectors.FreeIrq(0);
        Assert.Equal(default, device.Held[0]);
        Assert.Equal(BusWriteOutcome.Refused, _rig.Write(0x100, before.Address, before.Data));
        Assert.Equal($"vector 0x{before.Data:x2} of CPU 0 is nobody's", _rig.LastRefusal);
    }

    [Fact]
    public void M9_Without_remapping_a_device_has_one_PCI_MSI_vector() =>
        Assert.Equal(Errno.ENOSPC, _rig.Msi.CreateDeviceVectors(new X86Rig.X86Device(0x100)).Allocate(MsiKind.Msi, 2).Errno);

    [Fact]
    public void Vectors_come_to_an_end_and_come_back()
    {
        X86Rig rig = X86Rig.Plain(cpus: 1);
        int perCpu = Enumerable.Range(0, 256).Count(ApicDomain.IsForDevices);
        (_, MsiDeviceVectors vectors, _) = rig.Arm(0x100, perCpu);
        MsiDeviceVectors more = rig.Msi.CreateDeviceVectors(new X86Rig.X86Device(0x108));
        Assert.Equal(Errno.ENOSPC, more.Allocate(MsiKind.MsiX, 1).Errno);
        vectors.FreeAll();
        Assert.True(more.Allocate(MsiKind.MsiX, perCpu).IsOk);
    }

    [Fact]
    public void The_places_moved_interrupts_left_are_used_once_there_is_nothing_else()
    {
        X86Rig rig = X86Rig.Plain(cpus: 2);
        int perCpu = Enumerable.Range(0, 256).Count(ApicDomain.IsForDevices);
        (_, MsiDeviceVectors moved, _) = rig.Arm(0x100, perCpu);
        for (int i = 0; i < perCpu; i++)
        {
            Assert.True(moved.SetAffinity(i, 1).IsOk, $"vector {i}");
        }

        (X86Rig.X86Device device, _, CountingHandler[] handlers) = rig.Arm(0x108, perCpu);
        for (int i = 0; i < perCpu; i++)
        {
            Assert.Equal(BusWriteOutcome.Delivered, rig.Send(device, i));
            Assert.Equal(1, handlers[i].Total);
        }
    }

    [Theory]
    [InlineData(0xfee0_0000UL, 0x221u, "delivery mode 2 is not fixed or lowest priority: SMI, NMI, INIT and ExtINT are not modelled")]
    [InlineData(0xfee0_0004UL, 0x21u, "logical destinations are not modelled")]
    [InlineData(0xfeef_f000UL, 0x21u, "vector 0x21 of CPU 255 is nobody's")]
    public void N4_What_reaches_nobody_is_refused_with_its_reason(ulong address, uint data, string reason)
    {
        _rig.Arm(0x100, 1);
        Assert.Equal(BusWriteOutcome.Refused, _rig.Write(0x100, address, data));
        Assert.Equal(reason, _rig.LastRefusal);
    }
}
