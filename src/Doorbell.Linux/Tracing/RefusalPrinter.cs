using System.Text;
using Doorbell.Events;

namespace Doorbell.Linux.Tracing;

/// <summary>Says each refusal once, in one sentence, to the person at the terminal.</summary>
internal sealed class RefusalPrinter(Action<string> print)
{
    private const int MaxSentences = 1000;

    private readonly HashSet<string> _said = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>Takes a refusal.</summary>
    internal void Take(Refusal refusal)
    {
        string sentence = Sentence(refusal);
        lock (_lock)
        {
            if (_said.Count >= MaxSentences || !_said.Add(sentence))
            {
                return;
            }
        }

        print(sentence);
    }

    /// <summary>The refusal as one sentence.</summary>
    internal static string Sentence(Refusal refusal)
    {
        var text = new StringBuilder();
        text.Append(refusal.Operation).Append(" of ").Append(refusal.Subject)
            .Append(" refused with ").Append(refusal.Errno).Append(": ").Append(refusal.Reason.TrimEnd('.', ' '));
        if (refusal.Remedy is not null)
        {
            string remedy = refusal.Remedy.TrimEnd('.', ' ');
            text.Append("; ").Append(char.ToLowerInvariant(remedy[0])).Append(remedy.AsSpan(1));
        }

        if (refusal.Rule is not null)
        {
            text.Append(" (").Append(refusal.Rule).Append(')');
        }

        return text.ToString();
    }
}
