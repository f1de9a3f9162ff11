using Doorbell.Interrupts;
using Doorbell.Msi;

namespace Doorbell.Vfio;

/// <summary>V3: whether something checks who writes a device's MSIs, and the path on which that was found out: the IOMMU first, then the levels of the device's MSI domain (M1).</summary>
public sealed record SafetyVerdict
{
    private SafetyVerdict(PassthroughDevice device, bool isSafe, IReadOnlyList<SafetyStep> path)
    {
        Device = device;
        IsSafe = isSafe;
        Path = path;
    }

    /// <summary>The device judged.</summary>
    public PassthroughDevice Device { get; }

    /// <summary>True where its writer is checked.</summary>
    public bool IsSafe { get; }

    /// <summary>Where it was looked for, in order; the last step decided.</summary>
    public IReadOnlyList<SafetyStep> Path { get; }

    /// <summary>Judges a device as it is now.</summary>
    public static SafetyVerdict Of(PassthroughDevice device)
    {
        List<SafetyStep> path = [new(device.Name, device.MsiDomain is null ? "msi-map names no MSI controller for it" : $"msi-map sends its MSIs to {device.MsiDomain.Name}, as DeviceID {device.DeviceId}")];
        if (device.Iommu is { } iommu)
        {
            path.Add(new(iommu.Name, iommu.ClaimsInterruptRemapping ? "the IOMMU remaps interrupts (I2)" : "the IOMMU claims no interrupt remapping (I2)"));
            if (iommu.ClaimsInterruptRemapping)
            {
                return new SafetyVerdict(device, true, path);
            }
        }

        for (IrqDomain? domain = device.MsiDomain; domain is not null; domain = domain.Parent)
        {
            if (MsiDomain.GetDomainInfo(domain) is { } info)
            {
                path.Add(new(domain.Name, info.IrqRemapping ? "MSI domain with the flag IrqRemapping (M1)" : "MSI domain without the flag IrqRemapping (M1)"));
                if (info.IrqRemapping)
                {
                    return new SafetyVerdict(device, true, path);
                }
            }
            else
            {
                bool isolates = (domain.Flags & IrqDomainFlags.IsolatedMsi) != 0;
                path.Add(new(domain.Name, isolates ? "controller with the flag IsolatedMsi (M1)" : "no flag IsolatedMsi (M1)"));
                if (isolates)
                {
                    return new SafetyVerdict(device, true, path);
                }
            }
        }

        if (device.MsiDomain is null)
        {
            path.Add(new("nothing", "no MSI controller takes its writes"));
        }

        return new SafetyVerdict(device, false, path);
    }
}
