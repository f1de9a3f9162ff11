using System.CommandLine.Parsing;
using Doorbell.Vfio;

namespace Doorbell.Cli.Commands;

/// <summary>The value of <c>--uapi</c>.</summary>
internal static class UapiOption
{
    /// <summary>A profile by its name.</summary>
    public static VfioUapi Parse(ArgumentResult argument)
    {
        string text = argument.Tokens.Single().Value;
        switch (text)
        {
            case "mainline":
                return VfioUapi.Mainline;
            case "reserved-iova-v6":
                return VfioUapi.ReservedIovaV6;
            default:
                argument.AddError($"--uapi: expected mainline or reserved-iova-v6, not \"{text}\".");
                return default;
        }
    }
}
