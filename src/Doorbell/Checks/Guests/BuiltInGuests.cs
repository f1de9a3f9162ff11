namespace Doorbell.Checks.Guests;

/// <summary>The guest layouts that come with the library, by name; their files (guests/) are part of the assembly.</summary>
public static class BuiltInGuests
{
    // Not .yaml, which is what the built-in machines are known by.
    private const string Extension = ".guest";

    /// <summary>Their names, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(BuiltInGuests).Assembly.GetManifestResourceNames()
            .Where(static name => name.EndsWith(Extension, StringComparison.Ordinal))
            .Select(static name => name[..^Extension.Length])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Reads one.</summary>
    /// <param name="name">As <see cref="Names"/> has it: <c>qemu-virt</c>.</param>
    /// <returns>ENOENT where there is none of that name.</returns>
    public static Result<GuestLayout> Load(string name)
    {
        using Stream? file = typeof(BuiltInGuests).Assembly.GetManifestResourceStream(name + Extension);
        if (file is null)
        {
            return Result.Fail(Errno.ENOENT, $"there is no guest layout \"{name}\": expected {string.Join(", ", Names)}, or a path that ends in .yaml.");
        }

        using var reader = new StreamReader(file);
        return GuestYaml.Read(name + ".yaml", reader.ReadToEnd());
    }
}
