using BenchmarkDotNet.Reports;

namespace Doorbell.Bench;

/// <summary>What one run measured, by benchmark.</summary>
internal sealed class Figures(IEnumerable<Summary> summaries)
{
    private readonly BenchmarkReport[] _reports = [.. summaries.SelectMany(static summary => summary.Reports).Where(static report => report.ResultStatistics is not null)];

    /// <summary>Median of a benchmark in nanoseconds, which a busy neighbour moves less than the mean; null where this run did not have it.</summary>
    /// <param name="name">Class and method: <c>MsiDelivery.Deliver</c>.</param>
    /// <param name="parameter">Value of its parameter, where it has one.</param>
    public double? Time(string name, string? parameter = null) => Find(name, parameter)?.ResultStatistics!.Median;

    /// <summary>Bytes a benchmark allocates an operation.</summary>
    public double? Allocated(string name, string? parameter = null)
    {
        BenchmarkReport? report = Find(name, parameter);
        return report?.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase);
    }

    private BenchmarkReport? Find(string name, string? parameter) => Array.Find(
        _reports,
        report => $"{report.BenchmarkCase.Descriptor.Type.Name}.{report.BenchmarkCase.Descriptor.WorkloadMethod.Name}" == name
            && (parameter is null || report.BenchmarkCase.Parameters.Items.Any(item => item.Value?.ToString() == parameter)));
}
