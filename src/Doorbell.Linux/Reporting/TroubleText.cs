using System.Text;
using Doorbell.Events;

namespace Doorbell.Linux.Reporting;

/// <summary>What went wrong as a sentence for the person at the terminal.</summary>
internal static class TroubleText
{
    /// <summary><c>VFIO_SET_IOMMU of group 3 refused with EPERM: why; what to do (V3) [program[pid]]</c>.</summary>
    internal static string Of(Refusal refusal, Asker? asker) =>
        Sentence($"{refusal.Operation} of {refusal.Subject} refused with {refusal.Errno}", refusal.Reason, refusal.Remedy, refusal.Rule)
        + (asker is null ? "" : $" [{asker}]");

    /// <summary><c>what: why; what to do (rule)</c>.</summary>
    internal static string Sentence(string what, string reason, string? remedy, string? rule)
    {
        var text = new StringBuilder();
        text.Append(what).Append(": ").Append(reason.TrimEnd('.', ' '));
        if (!string.IsNullOrEmpty(remedy))
        {
            string trimmed = remedy.TrimEnd('.', ' ');
            text.Append("; ").Append(char.ToLowerInvariant(trimmed[0])).Append(trimmed.AsSpan(1));
        }

        if (rule is not null)
        {
            text.Append(" (").Append(rule).Append(')');
        }

        return text.ToString();
    }
}
