using System.Runtime.InteropServices;
using Doorbell.Linux.Native;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures.Suites;

/// <content>SET_IRQS, index by index.</content>
internal static partial class DeviceSuite
{
    private const uint Mask = (uint)VfioIrqSetFlags.ActionMask;
    private const uint Unmask = (uint)VfioIrqSetFlags.ActionUnmask;
    private const uint Trigger = VfioClient.Trigger;
    private const uint EventFds = VfioClient.EventFds;
    private const uint None = VfioClient.NoData;
    private const uint Bools = VfioClient.Bools;
    private const int BadFd = 99_999;

    private static readonly string[] Indexes = ["intx", "msi", "msix", "err", "req"];
    private static readonly byte[] One = [1];
    private static readonly byte[] Zero = [0];

    private static void Interrupts(VfioClient client, CaptureDevice device)
    {
        int[] fds = client.EventFd(0, 128);
        for (uint index = 0; index < Indexes.Length; index++)
        {
            string prefix = $"{device.Bdf}.{Indexes[index]}.";
            uint count = device.File.Device.GetIrqInfo(index) is { IsOk: true } info ? info.Value.Count : 0;
            Mistakes(client, device, prefix, index, count, fds);
            if (count == 0)
            {
                continue;
            }

            Armed(client, device, prefix, index, fds);
            WhileArmed(client, device, prefix, index, fds);
            Several(client, device, prefix, index, count, fds);
            Ending(client, device, prefix, index, count, fds);
        }

        client.SetIrqs(device, "index5", EventFds | Trigger, 5, 0, 1, fds.AsSpan(0, 1));
        client.SetIrqs(device, "index99", EventFds | Trigger, 99, 0, 1, fds.AsSpan(0, 1));
        byte[] small = VfioClient.Words(20);
        VfioClient.Put(small, 0, 8);
        client.Recorder.Call($"{device.Bdf}.argsz8", "VFIO_DEVICE_SET_IRQS", client.Ioctl(device.File, VfioIoctl.DeviceSetIrqs, small));
    }

    private static void Mistakes(VfioClient client, CaptureDevice device, string prefix, uint index, uint count, int[] fds)
    {
        void Set(string name, uint flags, uint start, uint vectors, ReadOnlySpan<int> data) => client.SetIrqs(device, prefix + name, flags, index, start, vectors, data);
        Set("none_unarmed_disable", None | Trigger, 0, 0, default);
        Set("none_unarmed_trigger", None | Trigger, 0, 1, default);
        client.SetIrqs(device, prefix + "bool_unarmed_trigger", Bools | Trigger, index, 0, 1, One, 0);
        Set("efd_count0", EventFds | Trigger, 0, 0, default);
        Set("efd_start_past_end", EventFds | Trigger, count, 1, fds.AsSpan(0, 1));
        Set("efd_range_past_end", EventFds | Trigger, 0, count + 1, fds.AsSpan(0, (int)count + 1));
        Set("efd_overflow", EventFds | Trigger, uint.MaxValue, 2, fds.AsSpan(0, 2));
        client.SetIrqs(device, prefix + "efd_argsz_short", EventFds | Trigger, index, 0, 1, MemoryMarshal.AsBytes(fds.AsSpan(0, 1)), -1);
        Set("no_action", EventFds, 0, 1, fds.AsSpan(0, 1));
        Set("two_actions", EventFds | Trigger | Mask, 0, 1, fds.AsSpan(0, 1));
        Set("no_data", Trigger, 0, 1, fds.AsSpan(0, 1));
        Set("two_data", EventFds | Bools | Trigger, 0, 1, fds.AsSpan(0, 1));
        Set("flag_unknown", EventFds | Trigger | 0x40, 0, 1, fds.AsSpan(0, 1));
        Set("mask_none", None | Mask, 0, 1, default);
        Set("unmask_none", None | Unmask, 0, 1, default);
        int devNull = Sys.OpenAt(Sys.AtFdCwd, "/dev/null\0"u8, Sys.O_RDWR);
        Set("efd_not_eventfd", EventFds | Trigger, 0, 1, [devNull]);
        Set("efd_badfd", EventFds | Trigger, 0, 1, [BadFd]);
        Sys.Close(devNull);
        Set("efd_-1_unarmed", EventFds | Trigger, 0, 1, [-1]);
        Set("disable_after_-1", None | Trigger, 0, 0, default);
    }

    private static void Armed(VfioClient client, CaptureDevice device, string prefix, uint index, int[] fds)
    {
        void Set(string name, uint flags, ReadOnlySpan<int> data) => client.SetIrqs(device, prefix + name, flags, index, 0, 1, data);
        void Count(string name, params int[] which)
        {
            var record = Recorder.Begin(prefix + name, "read(eventfd)");
            foreach (int fd in which)
            {
                record.Int($"fd{fd}", client.ReadEventFd(fd));
            }

            client.Recorder.Done(record);
        }

        Set("arm1", EventFds | Trigger, fds.AsSpan(0, 1));
        client.Snapshot(device, prefix + "arm1.snap", 4);
        Set("arm1_again_same", EventFds | Trigger, fds.AsSpan(0, 1));
        Set("arm1_other_fd", EventFds | Trigger, fds.AsSpan(1, 1));
        Set("loopback_none", None | Trigger, default);
        Count("loopback_none.count", 0, 1);
        client.SetIrqs(device, prefix + "loopback_bool1", Bools | Trigger, index, 0, 1, One, 0);
        Count("loopback_bool1.count", 1);
        client.SetIrqs(device, prefix + "loopback_bool0", Bools | Trigger, index, 0, 1, Zero, 0);
        Count("loopback_bool0.count", 1);
        Set("armed_mask_none", None | Mask, default);
        Set("armed_unmask_none", None | Unmask, default);
        client.SetIrqs(device, prefix + "armed_unmask_bool", Bools | Unmask, index, 0, 1, One, 0);
        Set("armed_mask_efd", EventFds | Mask, fds.AsSpan(2, 1));
        Set("armed_unmask_efd", EventFds | Unmask, fds.AsSpan(3, 1));
    }

    private static void WhileArmed(VfioClient client, CaptureDevice device, string prefix, uint index, int[] fds)
    {
        for (uint other = 0; other < 3; other++)
        {
            if (other != index && index < 3 && device.File.Device.GetIrqInfo(other).Value.Count != 0)
            {
                client.SetIrqs(device, $"{prefix}arm_{Indexes[other]}_while_armed", EventFds | Trigger, other, 0, 1, fds.AsSpan(5, 1));
                client.SetIrqs(device, $"{prefix}disable_{Indexes[other]}_while_armed", None | Trigger, other, 0, 0, default(ReadOnlySpan<int>));
            }
        }
    }

    private static void Several(VfioClient client, CaptureDevice device, string prefix, uint index, uint count, int[] fds)
    {
        if (count <= 1)
        {
            return;
        }

        void Set(string name, uint flags, uint start, uint vectors, ReadOnlySpan<int> data) => client.SetIrqs(device, prefix + name, flags, index, start, vectors, data);
        Set("arm_2_at_1", EventFds | Trigger, 1, 1, fds.AsSpan(8, 1));
        client.Snapshot(device, prefix + "arm_2_at_1.snap", 4);
        Set("arm_last", EventFds | Trigger, count - 1, 1, fds.AsSpan(9, 1));
        client.Snapshot(device, prefix + "arm_last.snap", (int)Math.Min(16, count));
        Set("trigger_unarmed_vec", None | Trigger, count > 2 ? 2u : 0, 1, default);
        Set("trigger_all", None | Trigger, 0, count, default);
        if (count >= 3)
        {
            Set("arm_3_middle_badfd", EventFds | Trigger, 0, 3, [fds[10], BadFd, fds[11]]);
            client.Snapshot(device, prefix + "arm_3_middle_badfd.snap", 4);
        }
    }

    private static void Ending(VfioClient client, CaptureDevice device, string prefix, uint index, uint count, int[] fds)
    {
        void Set(string name, uint flags, uint start, uint vectors, ReadOnlySpan<int> data) => client.SetIrqs(device, prefix + name, flags, index, start, vectors, data);
        Set("close_vec0_-1", EventFds | Trigger, 0, 1, [-1]);
        client.Snapshot(device, prefix + "close_vec0_-1.snap", 4);
        Set("disable", None | Trigger, 0, 0, default);
        client.Snapshot(device, prefix + "disable.snap", 4);
        Set("disable_again", None | Trigger, 0, 0, default);
        if (count <= 1)
        {
            return;
        }

        uint all = Math.Min(32, count);
        Set("arm_all", EventFds | Trigger, 0, all, fds.AsSpan(0, (int)all));
        client.Snapshot(device, prefix + "arm_all.snap", 32);
        Set("disable_all", None | Trigger, 0, 0, default);
        Set("arm_only_last", EventFds | Trigger, count - 1, 1, fds.AsSpan(0, 1));
        client.Snapshot(device, prefix + "arm_only_last.snap", 32);
        Set("disable_last", None | Trigger, 0, 0, default);
    }
}
