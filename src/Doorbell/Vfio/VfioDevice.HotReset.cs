using Doorbell.Pci;

namespace Doorbell.Vfio;

/// <content>Hot reset: of the bus the device is on, and so of everything on it and below.</content>
public sealed partial class VfioDevice
{
    private const string HotResetOperation = "VFIO_DEVICE_PCI_HOT_RESET";

    /// <summary>How many functions a reset of the device's bus reaches; ENODEV on a root bus, which has no port to reset it.</summary>
    public Result<int> CountHotReset()
    {
        if (Function.Bus is not { IsRoot: false } bus)
        {
            return Result.Fail(Errno.ENODEV, $"{Name} is on a root bus, which no port can reset");
        }

        return Below(bus).Count();
    }

    /// <summary>VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: those functions. ENODEV as <see cref="CountHotReset"/>; EPERM where one of them is in no IOMMU group.</summary>
    public Result<IReadOnlyList<VfioDependentDevice>> GetHotResetInfo()
    {
        Result<int> count = CountHotReset();
        if (!count.IsOk)
        {
            return count.WithoutValue;
        }

        List<VfioDependentDevice> devices = new(count.Value);
        foreach (PciFunction function in Below(Function.Bus!))
        {
            if (_host.GroupNumberOf(function) is not { } group)
            {
                return Result.Fail(Errno.EPERM, $"a reset of the bus of {Name} would reach {function.Name}, which is in no IOMMU group");
            }

            devices.Add(new VfioDependentDevice(group, function.Address));
        }

        return devices;
    }

    /// <summary>VFIO_DEVICE_PCI_HOT_RESET: every function that it reaches is reset and keeps its settings, whether it is open or not.</summary>
    /// <param name="owned">The groups the caller shows (its group fds).</param>
    /// <returns>
    /// ENODEV as <see cref="CountHotReset"/>; EINVAL where more groups are shown than there are functions, where one of the functions is not on the very bus
    /// or not bound to vfio-pci (vfio_pci_dev_set_resettable), or where one is of a group that the caller does not show.
    /// </returns>
    public Result HotReset(IReadOnlyList<VfioGroup> owned)
    {
        Result<int> count = CountHotReset();
        if (!count.IsOk)
        {
            return count.WithoutValue;
        }

        if (owned.Count > count.Value)
        {
            return RefuseHotReset($"{owned.Count} groups are shown, and it reaches {count.Value} functions only");
        }

        PciFunction[] reached = [.. Below(Function.Bus!)];
        foreach (PciFunction function in reached)
        {
            if (function.Bus != Function.Bus || !_host.IsVfioBound(function))
            {
                return RefuseHotReset($"it reaches {function.Name}, which is not bound to vfio-pci on the same bus");
            }
        }

        foreach (PciFunction function in reached)
        {
            if (!owned.Any(group => group.Group.Devices.Any(device => device.Function == function)))
            {
                return RefuseHotReset($"it reaches {function.Name} of group {_host.GroupNumberOf(function)}, which the caller does not show");
            }
        }

        foreach (PciFunction function in reached)
        {
            if (owned.Select(group => group.FindOpen(function)).FirstOrDefault(static open => open is not null) is { } open)
            {
                open.ResetKeepingSettings();
            }
            else
            {
                PciCommand command = function.Command;
                function.ResetFunction();
                function.SetCommand(command);
            }
        }

        return Result.Ok;
    }

    // Everything on the bus and on the buses below it, in pci_walk_bus's order.
    private static IEnumerable<PciFunction> Below(PciBus bus)
    {
        foreach (PciFunction function in bus.Functions)
        {
            yield return function;
            if (function is PciBridge { Secondary: { } secondary })
            {
                foreach (PciFunction below in Below(secondary))
                {
                    yield return below;
                }
            }
        }
    }

    private Result RefuseHotReset(string reason) => _host.Refuse(HotResetOperation, Name, Errno.EINVAL, null, $"a reset of the bus of {Name}: {reason}");
}
