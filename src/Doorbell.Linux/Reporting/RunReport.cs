using System.Reflection;

namespace Doorbell.Linux.Reporting;

/// <summary>What a report is made of, at the end of a run.</summary>
internal sealed record RunReport
{
    /// <summary>The version of doorbell.</summary>
    internal static string Version { get; } =
        typeof(RunReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    /// <summary>The program and its arguments.</summary>
    internal required IReadOnlyList<string> Command { get; init; }

    /// <summary>The machine; null where there was none.</summary>
    internal string? Machine { get; init; }

    /// <summary><c>mainline</c> or <c>reserved-iova-v6</c>.</summary>
    internal string? Uapi { get; init; }

    /// <summary>Remembered in every report (V3).</summary>
    internal bool AllowUnsafeInterrupts { get; init; }

    /// <summary>When the run began.</summary>
    internal required DateTimeOffset Started { get; init; }

    /// <summary>Nanoseconds it took.</summary>
    internal required long Duration { get; init; }

    /// <summary>The command's exit status.</summary>
    internal required int Status { get; init; }

    /// <summary>Why the program did not start, or doorbell failed; null where it ran.</summary>
    internal string? Error { get; init; }

    /// <summary>What went wrong, in the order of its first time.</summary>
    internal required IReadOnlyList<Trouble> Troubles { get; init; }

    /// <summary>How much more went wrong than a report has entries for.</summary>
    internal long Others { get; init; }

    /// <summary>The machine's devices, bridges left out.</summary>
    internal IReadOnlyList<DeviceAccount> Devices { get; init; } = [];

    /// <summary>What was armed of a device.</summary>
    internal required Func<string, IEnumerable<VectorAccount>> VectorsOf { get; init; }

    /// <summary>What went wrong of one kind.</summary>
    internal IEnumerable<Trouble> Of(TroubleKind kind) => Troubles.Where(trouble => trouble.Kind == kind);

    /// <summary>Interrupts of a vector that are known to be lost. One that its MSI controller refused names no vector, and counts for the device alone.</summary>
    internal long LostOf(VectorAccount vector) => vector.Index is Doorbell.Vfio.VfioIrqIndex.Msi or Doorbell.Vfio.VfioIrqIndex.MsiX
        ? Of(TroubleKind.LostInterrupt).Where(lost => lost.Device == vector.Device && lost.Vector == vector.Vector).Sum(lost => lost.Count)
        : vector.Lost;

    /// <summary>VFIO's interrupt index as people call it.</summary>
    internal static string NameOfIndex(uint index) => index switch
    {
        Doorbell.Vfio.VfioIrqIndex.Intx => "INTx",
        Doorbell.Vfio.VfioIrqIndex.Msi => "MSI",
        Doorbell.Vfio.VfioIrqIndex.MsiX => "MSI-X",
        Doorbell.Vfio.VfioIrqIndex.Error => "ERR",
        _ => "REQ",
    };
}
