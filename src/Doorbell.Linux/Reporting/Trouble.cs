using Doorbell.Events;

namespace Doorbell.Linux.Reporting;

/// <summary>One thing that went wrong, however often: what a report has an entry for and a person is told once.</summary>
internal sealed class Trouble
{
    /// <summary>Which list it is in.</summary>
    internal required TroubleKind Kind { get; init; }

    /// <summary>Nanoseconds from the start of the run to the first time.</summary>
    internal required long FirstTime { get; init; }

    /// <summary>Nanoseconds from the start of the run to the last time.</summary>
    internal long LastTime { get; set; }

    /// <summary>How often.</summary>
    internal long Count { get; set; } = 1;

    /// <summary>Who asked, the first time; null where no call did.</summary>
    internal Asker? Asker { get; init; }

    /// <summary>The call with its arguments, the first time.</summary>
    internal string? Call { get; init; }

    /// <summary>What was asked, or what happened: <c>VFIO_IOMMU_MAP_DMA</c>, an unmapped doorbell.</summary>
    internal required string What { get; init; }

    /// <summary>Of which device, group, container or file.</summary>
    internal required string Subject { get; init; }

    /// <summary>The device it is about, where it is about one: a testsuite of its own.</summary>
    internal string? Device { get; init; }

    /// <summary>The vector a lost interrupt is of, where that is known.</summary>
    internal int? Vector { get; init; }

    /// <summary>What the call came back with; None for what is no call's.</summary>
    internal Errno Errno { get; init; }

    /// <summary>The rule of the system.</summary>
    internal string? Rule { get; init; }

    /// <summary>Why.</summary>
    internal required string Reason { get; init; }

    /// <summary>What to do.</summary>
    internal string? Remedy { get; init; }

    /// <summary>Whether it alarms.</summary>
    internal required TroubleSeverity Severity { get; init; }

    /// <summary>Further fields of a fault or a lost interrupt, in order.</summary>
    internal IReadOnlyList<(string Name, string Value)> Details { get; init; } = [];

    /// <summary>What the kernel would have logged the first time.</summary>
    internal IReadOnlyList<string> KernelLog { get; init; } = [];

    /// <summary>All of it as one sentence.</summary>
    internal required string Sentence { get; init; }
}
