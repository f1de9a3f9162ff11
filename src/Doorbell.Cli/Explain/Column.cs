namespace Doorbell.Cli.Explain;

/// <summary>A column of a table.</summary>
/// <param name="Name">The field's name for programs.</param>
/// <param name="Heading">What a person reads.</param>
internal readonly record struct Column(string Name, string Heading);
