namespace Doorbell.Linux.Reporting;

/// <summary>A file that a report goes to. It is found out before the run whether it can be written; it appears at the end, whole (rename(2)).</summary>
internal sealed class ReportFile
{
    private readonly string _path;
    private readonly Action<RunReport, Stream> _write;
    private readonly bool _isReplaced;

    private ReportFile(string path, Action<RunReport, Stream> write)
    {
        _path = path;
        _write = write;
        _isReplaced = !path.StartsWith("/dev/", StringComparison.Ordinal); // what is a device, or a pipe that a shell made, stays what it is
    }

    private string Draft => Path.Combine(Path.GetDirectoryName(_path)!, $".{Path.GetFileName(_path)}.{Environment.ProcessId}");

    /// <summary>The file of that name, its format by its ending.</summary>
    /// <returns>EINVAL: no format has that ending, EACCES: it cannot be written.</returns>
    internal static Result<ReportFile> Open(string name)
    {
        Action<RunReport, Stream>? write = Path.GetExtension(name) switch
        {
            ".json" => JsonReport.Write,
            ".xml" => JUnitReport.Write,
            _ => null,
        };
        if (write is null)
        {
            return Result.Fail(Errno.EINVAL, $"--report {name}: expected a name that ends in .json or in .xml (JUnit).");
        }

        try
        {
            string path = Path.GetFullPath(name);
            path = new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
            if (Directory.Exists(path))
            {
                return Result.Fail(Errno.EACCES, $"the report cannot be written: {name} is a folder");
            }

            ReportFile file = new(path, write);
            if (file._isReplaced)
            {
                using (new FileStream(file.Draft, FileMode.CreateNew, FileAccess.Write))
                {
                    // It can be made here.
                }

                File.Delete(file.Draft);
            }

            return file;
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Result.Fail(Errno.EACCES, $"the report cannot be written: {unwritable.Message}");
        }
    }

    /// <summary>Writes the report. A failure is a sentence, not an exception: the run itself is over.</summary>
    internal Result Write(RunReport report)
    {
        try
        {
            if (!_isReplaced)
            {
                using FileStream device = new(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                _write(report, device);
                return Result.Ok;
            }

            using (FileStream draft = new(Draft, FileMode.Create, FileAccess.Write))
            {
                _write(report, draft);
                draft.Flush(flushToDisk: true);
            }

            File.Move(Draft, _path, overwrite: true);
            return Result.Ok;
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            TryDelete(Draft);
            return Result.Fail(Errno.EIO, $"the report cannot be written: {unwritable.Message}");
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // The folder went as well.
        }
    }
}
