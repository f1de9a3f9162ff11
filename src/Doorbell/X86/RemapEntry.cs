namespace Doorbell.X86;

/// <summary>A present entry of an interrupt remapping table, published whole: a write on its way sees one or the other, never halves of both.</summary>
/// <param name="Cpu">Destination.</param>
/// <param name="Vector">What is raised there.</param>
/// <param name="Source">Whose writes are taken.</param>
public sealed record RemapEntry(int Cpu, byte Vector, SourceCheck Source);
