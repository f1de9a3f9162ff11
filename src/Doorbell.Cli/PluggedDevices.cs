using Doorbell.Devices;
using Doorbell.Machines;

namespace Doorbell.Cli;

/// <summary>The devices asked for on the command line, seen against a machine's slots.</summary>
internal static class PluggedDevices
{
    /// <summary>Reads each and sees that its slot exists and is asked for once; slots nobody asked for keep what the machine's file puts there. The reason is a whole sentence.</summary>
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

            PciAddress address = device.Value.Address;
            if (devices.Exists(other => other.Address == address))
            {
                return Result.Fail(Errno.EEXIST, $"{address} is given two devices: expected one a slot.");
            }

            if (!machine.TryFindSlot(address, out _))
            {
                return Result.Fail(Errno.ENODEV, $"{machine.Name} has no slot {address}: expected one of {string.Join(", ", machine.Slots.Select(slot => slot.Address))}.");
            }

            if (!DeviceModels.Names.Contains(device.Value.Model))
            {
                return Result.Fail(Errno.EINVAL, $"there is no device model \"{device.Value.Model}\": expected {string.Join(" or ", DeviceModels.Names)}.");
            }

            devices.Add(device.Value);
        }

        devices.AddRange(machine.Slots.Select(slot => slot.Device).OfType<DeviceSpec>().Where(device => !devices.Exists(other => other.Address == device.Address)));
        return devices;
    }
}
