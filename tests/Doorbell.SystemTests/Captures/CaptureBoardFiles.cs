using System.IO.Compression;
using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests.Captures;

/// <summary>A captured board as <c>doorbell run</c> takes it: a machine, and the functions that were found on it.</summary>
internal sealed class CaptureBoardFiles : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public CaptureBoardFiles(string board)
    {
        Functions = Unpack(board, "pci.jsonl");
        Machine = board switch
        {
            // A v2m frame's SPIs stand in its own register (MSI_TYPER), and under ACPI there is no tree. These two are the machines that ship.
            "virt-gicv2m-smmuv3" => "virt-gicv2m",
            "virt-gicv3-its-smmuv3-acpi" => "virt-gicv3",
            _ => Unpack(board, "fdt.dtb"),
        };
    }

    /// <summary>The value of <c>--machine</c>.</summary>
    public string Machine { get; }

    /// <summary>The value of <c>--functions</c>.</summary>
    public string Functions { get; }

    /// <summary>Where the client writes.</summary>
    public string Result => _folder.File("result.jsonl");

    /// <summary>What Linux answered.</summary>
    public static string CaptureOf(string suite) => Repository.PathOf("tests", "Doorbell.Tests", "Captures", "data", $"{suite}.jsonl.gz");

    public void Dispose() => _folder.Dispose();

    private string Unpack(string board, string name)
    {
        string unpacked = _folder.File(name);
        using var packed = new GZipStream(File.OpenRead(Repository.PathOf("tests", "Doorbell.Tests", "Captures", "data", board, $"{name}.gz")), CompressionMode.Decompress);
        using FileStream file = File.Create(unpacked);
        packed.CopyTo(file);
        return unpacked;
    }
}
