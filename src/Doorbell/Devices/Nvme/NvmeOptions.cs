using System.Globalization;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>The options of <c>nvme</c>: where each namespace's blocks are, and what the controller is like.</summary>
internal static class NvmeOptions
{
    private const string Forms =
        "nvme,file=PATH or nvme,size=64M, with file2=PATH, size3=64M... for more namespaces or namespaces=N for several of size=, and queues=N, lba=512 or 4096, readonly=yes where wanted";

    public static Result<PciDeviceModel> Create(IReadOnlyList<KeyValuePair<string, string>> options, OpenBlockBackend? openFile)
    {
        var files = new string?[NvmeDevice.MaxNamespaces];
        var sizes = new ulong[NvmeDevice.MaxNamespaces];
        uint queues = NvmeDevice.DefaultQueuePairs, block = 512, namespaces = 0;
        bool readOnly = false;
        foreach ((string key, string value) in options)
        {
            Result parsed = key switch
            {
                "queues" => DeviceModels.Number(key, value, 1, NvmeDevice.MaxQueuePairs, out queues),
                "lba" => DeviceModels.Number(key, value, 512, 4096, out block),
                "namespaces" => DeviceModels.Number(key, value, 1, NvmeDevice.MaxNamespaces, out namespaces),
                "readonly" => DeviceModels.YesOrNo(key, value, out readOnly),
                _ when Index(key, "file") is { } index => DeviceModels.Text(key, value, out files[index]),
                _ when Index(key, "size") is { } index => DeviceModels.Size(key, value, 512, out sizes[index]),
                _ => DeviceModels.Unknown("nvme", key, Forms),
            };
            if (!parsed.IsOk)
            {
                return parsed;
            }
        }

        if (block is not (512 or 4096))
        {
            return Result.Fail(Errno.EINVAL, $"nvme: lba={block} is no block size; it is 512 or 4096.");
        }

        Result<int> count = Count(files, sizes, (int)namespaces);
        if (!count.IsOk)
        {
            return count.WithoutValue;
        }

        var backends = new List<IBlockBackend>();
        for (int i = 0; i < count.Value; i++)
        {
            Result<IBlockBackend> backend = Open(files[i], sizes[i], block, readOnly, openFile);
            if (!backend.IsOk)
            {
                backends.ForEach(opened => (opened as IDisposable)?.Dispose());
                return backend.WithoutValue;
            }

            backends.Add(backend.Value);
        }

        return new NvmeDevice(backends, (int)queues, (int)block);
    }

    /// <summary>0 for <c>file</c>, 1 for <c>file2</c>, and so on; null for another key.</summary>
    private static int? Index(string key, string name)
    {
        ReadOnlySpan<char> digits = key.AsSpan(Math.Min(name.Length, key.Length));
        return key == name ? 0
            : key.StartsWith(name, StringComparison.Ordinal) && digits[0] != '0'
                && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 2 and <= NvmeDevice.MaxNamespaces
                ? number - 1
                : null;
    }

    /// <summary>Namespaces asked for: each with a file or a size, numbered without a gap.</summary>
    private static Result<int> Count(string?[] files, ulong[] sizes, int namespaces)
    {
        int last = Math.Max(Array.FindLastIndex(files, static file => file is not null), Array.FindLastIndex(sizes, static size => size != 0));
        if (namespaces != 0)
        {
            if (last != 0 || sizes[0] == 0)
            {
                return Result.Fail(Errno.EINVAL, $"nvme: namespaces={namespaces} goes with size= and no other place for blocks: {Forms}.");
            }

            Array.Fill(sizes, sizes[0], 0, namespaces);
            last = namespaces - 1;
        }

        for (int i = 0; i <= Math.Max(last, 0); i++)
        {
            if (files[i] is null == (sizes[i] == 0))
            {
                string which = i == 0 ? "nvme" : $"nvme: namespace {i + 1}";
                return Result.Fail(Errno.EINVAL, $"{which} needs either a file or a size: {Forms}.");
            }
        }

        return last + 1;
    }

    private static Result<IBlockBackend> Open(string? file, ulong size, uint block, bool readOnly, OpenBlockBackend? openFile)
    {
        if (size % block != 0)
        {
            return Result.Fail(Errno.EINVAL, $"nvme: a size of {size} bytes is no multiple of the block size, {block}.");
        }

        if (file is null)
        {
            return readOnly
                ? Result.Fail(Errno.EINVAL, $"nvme: readonly=yes is for files; a disk in memory would be zeros for ever.")
                : new MemoryBlockBackend(size);
        }

        if (openFile is null)
        {
            return Result.Fail(Errno.EOPNOTSUPP, $"nvme: file={file} cannot be used here; use size=64M for a disk in memory.");
        }

        Result<IBlockBackend> opened = openFile(file, readOnly);
        if (!opened.IsOk || opened.Value.Length >= block)
        {
            return opened;
        }

        ulong length = opened.Value.Length;
        (opened.Value as IDisposable)?.Dispose();
        return Result.Fail(Errno.EINVAL, $"nvme: file={file} of {length} bytes holds no block of {block} bytes.");
    }
}
