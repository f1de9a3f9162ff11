using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>What the kernel's command line, configuration and modules say, asked by name.</summary>
internal sealed class KernelView(HostKernel kernel)
{
    /// <summary>The file a command line is read from.</summary>
    public const string CommandLineFile = "/proc/cmdline";

    private readonly string[] _words = kernel.CommandLine?.Split((char[])[' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Its first two numbers.</summary>
    public KernelVersion? Version { get; } = KernelVersion.Parse(kernel.Release);

    /// <summary>The word <c>name=…</c> (or <c>name</c>) of the command line that counts, which is the last; null where there is none. A dash is an underscore in it, as for the kernel.</summary>
    public string? FindWord(string name)
    {
        for (int i = _words.Length - 1; i >= 0; i--)
        {
            int equals = _words[i].IndexOf('=', StringComparison.Ordinal);
            if (Normal(equals < 0 ? _words[i] : _words[i][..equals]) == Normal(name))
            {
                return _words[i];
            }
        }

        return null;
    }

    /// <summary>The word of the command line where its value has the option in it, between commas: <c>intel_iommu=on,sm_off</c>.</summary>
    public string? FindOption(string name, string option) =>
        FindWord(name) is { } word && word.IndexOf('=', StringComparison.Ordinal) is > 0 and int equals && word[(equals + 1)..].Split(',').Contains(option, StringComparer.Ordinal) ? word : null;

    /// <summary>Where the word stands.</summary>
    public static Evidence AtWord(string word) => new(CommandLineFile, word);

    /// <summary>True where the configuration is known and has none of them.</summary>
    public bool Lacks(params ReadOnlySpan<string> options)
    {
        if (kernel.Configuration is not { } configuration)
        {
            return false;
        }

        foreach (string option in options)
        {
            if (configuration.TryGetValue(option, out string? value) && value is "y" or "m")
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Where the configuration was read.</summary>
    public Evidence Configuration => kernel.ConfigurationEvidence ?? new Evidence("/proc/config.gz");

    /// <summary>A module's parameter that is a yes, with where: the module's own, else the command line's.</summary>
    public Evidence? FindSwitch(string module, string parameter)
    {
        if (kernel.ModuleParameters.TryGetValue($"{module}.{parameter}", out string? value))
        {
            return IsYes(value) ? new Evidence($"/sys/module/{module}/parameters/{parameter}") : null;
        }

        return FindWord($"{module}.{parameter}") is { } word && (!word.Contains('=', StringComparison.Ordinal) || IsYes(word[(word.IndexOf('=', StringComparison.Ordinal) + 1)..])) ? AtWord(word) : null;
    }

    /// <summary>True where a module is loaded, or has parameters in sysfs, which one that is built in has as well.</summary>
    public bool Has(string module) =>
        kernel.Modules?.Contains(module) == true || kernel.ModuleParameters.Keys.Any(key => key.Length > module.Length && key[module.Length] == '.' && key.StartsWith(module, StringComparison.Ordinal));

    private static bool IsYes(string value) => value is "Y" or "y" or "1" or "on";

    private static string Normal(string name) => name.Replace('-', '_');
}
