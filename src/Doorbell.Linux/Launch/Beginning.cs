using Doorbell.Linux.Native;

namespace Doorbell.Linux.Launch;

/// <summary>What must be taken down before anything else happens to this process, and the launcher, which starts while the machine is built.</summary>
/// <param name="Signals">What the user's shell had blocked and ignored.</param>
/// <param name="Environment">The user's, for the client.</param>
/// <param name="FileLimit">The soft RLIMIT_NOFILE of this process before it was raised here.</param>
/// <param name="OtherChildren">Children that were here before and are none of the client's.</param>
/// <param name="Launcher">The launcher, or why there is none.</param>
internal sealed record Beginning(SignalState Signals, ClientEnvironment Environment, ulong FileLimit, IReadOnlySet<int> OtherChildren, Result<LauncherProcess> Launcher)
{
    internal static Beginning Begin()
    {
        SignalState signals = SignalState.OfThisProcess();
        signals.KeepEndsOfChildren();
        byte[] environment = File.ReadAllBytes("/proc/self/environ");
        Sys.BecomeUndumpable(); // the client is the same user's
        ulong fileLimit = Privileges.RaiseFileLimit();
        IReadOnlySet<int> otherChildren = Descendants.DirectChildren();
        Descendants.BecomeSubreaper();
        return new Beginning(signals, ClientEnvironment.From(environment), fileLimit, otherChildren, LauncherProcess.Start(signals, environment));
    }
}
