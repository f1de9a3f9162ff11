using System.Globalization;
using System.Text;

namespace Doorbell.Linux.Launch;

/// <summary>
/// The user's own environment and limit, which the script <c>./doorbell</c> has to add to before this process can run: it says what it added.
/// </summary>
/// <param name="Block">The client's environment, in the form of /proc/PID/environ, whatever bytes it holds.</param>
/// <param name="FileLimit">The soft RLIMIT_NOFILE before .NET raised it; 0 where nobody said.</param>
internal sealed record ClientEnvironment(byte[] Block, ulong FileLimit)
{
    private const string Added = "DOORBELL_ADDED=";
    private const string NoFile = "DOORBELL_NOFILE=";

    /// <summary>Takes the script's additions out of this process's environment.</summary>
    internal static ClientEnvironment From(ReadOnlySpan<byte> own)
    {
        // Latin-1 keeps every byte.
        string[] variables = Encoding.Latin1.GetString(own).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        string[] added = (Find(variables, Added) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var block = new StringBuilder(own.Length);
        foreach (string variable in variables)
        {
            int end = variable.IndexOf('=', StringComparison.Ordinal);
            string name = end < 0 ? variable : variable[..end];
            if (variable.StartsWith(Added, StringComparison.Ordinal) || variable.StartsWith(NoFile, StringComparison.Ordinal) || added.Contains(name))
            {
                continue;
            }

            // A name with = was there, and empty.
            block.Append(added.Contains(name + "=") ? name + "=" : variable).Append('\0');
        }

        _ = ulong.TryParse(Find(variables, NoFile), NumberStyles.None, CultureInfo.InvariantCulture, out ulong limit);
        return new ClientEnvironment(Encoding.Latin1.GetBytes(block.ToString()), limit);
    }

    private static string? Find(string[] variables, string prefix) =>
        Array.Find(variables, variable => variable.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..];
}
