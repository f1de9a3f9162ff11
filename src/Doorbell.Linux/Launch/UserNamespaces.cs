namespace Doorbell.Linux.Launch;

/// <summary>Why an unprivileged user could not get a user namespace.</summary>
internal static class UserNamespaces
{
    /// <summary>The sentence, with what to do.</summary>
    internal static string ExplainFailure()
    {
        const string Otherwise = ", or run doorbell as root";
        if (Setting("/proc/sys/kernel/unprivileged_userns_clone") == "0")
        {
            return "user namespaces are forbidden to ordinary users here: set sysctl kernel.unprivileged_userns_clone=1" + Otherwise;
        }

        if (Setting("/proc/sys/user/max_user_namespaces") == "0")
        {
            return "user namespaces are turned off here: set sysctl user.max_user_namespaces to more than 0" + Otherwise;
        }

        if (Setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
        {
            return "AppArmor forbids user namespaces to programs without a profile: set sysctl kernel.apparmor_restrict_unprivileged_userns=0" + Otherwise;
        }

        if (!Directory.Exists("/proc/self/ns") || !File.Exists("/proc/self/ns/user"))
        {
            return "this kernel has no user namespaces (CONFIG_USER_NS): run doorbell as root";
        }

        return "unshare(1) could not make a user and mount namespace (what it said is above): allow unshare(2) where a container's seccomp profile "
            + "forbids it, have util-linux 2.38 or newer" + Otherwise;
    }

    private static string? Setting(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception absent) when (absent is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
