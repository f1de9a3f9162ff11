using Doorbell.Checks;

namespace Doorbell.Cli.Check;

/// <summary>A line of the table: one function, or several of equal verdict and reason.</summary>
/// <param name="Device">Address, or range of addresses.</param>
/// <param name="What">Class and IDs.</param>
/// <param name="Group">Group, or range of groups.</param>
/// <param name="Check">The function, or the first of them.</param>
/// <param name="Because">The one reason that matters.</param>
internal sealed record CheckRow(string Device, string What, string Group, FunctionCheck Check, string Because);
