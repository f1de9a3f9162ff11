using Doorbell.Machines.Yaml;

namespace Doorbell.Machines;

/// <summary>The machines that come with the library, by name; their YAML files are part of the assembly.</summary>
public static class BuiltInMachines
{
    private const string Extension = ".yaml";

    /// <summary>Their names, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(BuiltInMachines).Assembly.GetManifestResourceNames()
            .Where(static name => name.EndsWith(Extension, StringComparison.Ordinal))
            .Select(static name => name[..^Extension.Length])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Reads one.</summary>
    /// <param name="name">As <see cref="Names"/> has it: <c>virt-gicv3</c>.</param>
    /// <returns>ENOENT where there is none of that name.</returns>
    public static Result<MachineDescription> Load(string name)
    {
        using Stream? file = typeof(BuiltInMachines).Assembly.GetManifestResourceStream(name + Extension);
        if (file is null)
        {
            return Result.Fail(Errno.ENOENT, $"there is no built-in machine \"{name}\": expected {string.Join(", ", Names)}.");
        }

        using var reader = new StreamReader(file);
        return MachineYaml.Read(name + Extension, reader.ReadToEnd());
    }
}
