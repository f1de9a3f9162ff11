using Doorbell.X86;

namespace Doorbell.Vfio;

/// <summary>V3: is handing the group over safe, that is, does something check who writes an MSI?</summary>
internal static class SafetyCheck
{
    public static Result Check(VfioHost host, PassthroughGroup group, string operation)
    {
        // Every device of the group is asked: one that can raise another's interrupt is enough.
        foreach (PassthroughDevice device in group.Devices)
        {
            if (SafetyVerdict.Of(device).IsSafe)
            {
                continue;
            }

            if (host.Options.AllowUnsafeInterrupts)
            {
                host.Events.Emit(new UnsafeInterruptsAllowed(group.Id, device.Name, ControllerOf(device)));
                return Result.Ok;
            }

            return host.Refuse(
                operation,
                $"group {group.Id}",
                Errno.EPERM,
                "V3",
                $"group {group.Id} ({device.Name}) is not handed over: {WhyOf(device)}",
                $"{RemedyOf(device)}, or accept the risk with --allow-unsafe-interrupts.");
        }

        return Result.Ok;
    }

    private static string ControllerOf(PassthroughDevice device) => device.MsiDomain?.Name ?? "no MSI controller";

    private static string RemedyOf(PassthroughDevice device) => device.MsiDomain?.Parent is ApicDomain
        ? "Turn interrupt remapping on (interrupt-remapping: yes in the machine's file, as q35-intel-ir has it)"
        : "Use a machine whose MSI controller isolates devices (GICv3 ITS)";

    private static string WhyOf(PassthroughDevice device) => device.MsiDomain is null
        ? "it has no MSI controller that would check who writes its interrupts"
        : $"its MSI controller {device.MsiDomain.Name} raises whatever interrupt is written to its doorbell, whoever writes it, so the device's owner could raise any interrupt behind it";
}
