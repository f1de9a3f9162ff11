namespace Doorbell.SystemTests.Support;

/// <summary>A live process of a run.</summary>
/// <param name="Id">Its pid.</param>
/// <param name="Program">What it executes.</param>
/// <param name="Command">Its command line.</param>
internal sealed record MarkedProcess(int Id, string Program, string Command);
