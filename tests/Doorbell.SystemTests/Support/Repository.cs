namespace Doorbell.SystemTests.Support;

/// <summary>Where things are in this checkout.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Kernels and initramfs images; <c>./test</c> fills it.</summary>
    public static string Cache { get; } = Environment.GetEnvironmentVariable("DOORBELL_CACHE") ?? Path.Combine(Root, ".cache");

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Doorbell.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside the checkout");
    }
}
