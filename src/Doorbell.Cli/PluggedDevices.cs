using Doorbell.Machines;

namespace Doorbell.Cli;

/// <summary>The devices asked for on the command line, seen against a machine's slots.</summary>
internal static class PluggedDevices
{
    /// <summary>Reads each and sees that its slot exists and is asked for once; the reason is a whole sentence.</summary>
    public static Result<List<DeviceSpec>> Parse(MachineDescription machine, IEnumerable<string> texts)
    {
        var devices = new List<DeviceSpec>();
        foreach (string text in texts)
        {
            Result<DeviceSpec> device = DeviceSpec.Parse(text);
            if (!device.IsOk)
            {
                return device.WithoutValue;
            }

            Result free = CheckSlot(machine, devices, device.Value.Address);
            if (!free.IsOk)
            {
                return free;
            }

            devices.Add(device.Value);
        }

        return devices;
    }

    /// <summary>Sees that a slot exists and nothing on the command line has taken it.</summary>
    public static Result CheckSlot(MachineDescription machine, List<DeviceSpec> devices, PciAddress address)
    {
        if (devices.Exists(other => other.Address == address))
        {
            return Result.Fail(Errno.EEXIST, $"{address} is given two devices: expected one a slot.");
        }

        return machine.TryFindSlot(address, out _)
            ? Result.Ok
            : Result.Fail(Errno.ENODEV, $"{machine.Name} has no slot {address}: expected one of {string.Join(", ", machine.Slots.Select(slot => slot.Address))}.");
    }
}
