using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests.Captures;

/// <summary>A suite of the captures' client and how it was run.</summary>
/// <param name="Capture">As in <c>virt-gicv3-its-smmuv3/type1</c>.</param>
/// <param name="Client">The client's arguments.</param>
internal sealed record CaptureRun(string Capture, params string[] Client)
{
    // A close is told to the supervisor, and not a call that waits for it: the client looks at sysfs 20 ms later, which can be too early on a busy computer.
    private const string LooksAtOnce = "A.igb0.after_close:";
    private const int MostTries = 5;

    private const string VfioDriver = "vfio-pci";
    private const string Its = "virt-gicv3-its-smmuv3";
    private const string V2m = "virt-gicv2m-smmuv3";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    // The runs bound 00:01.0 00:02.0 00:03.0 00:04.0 01:00.0 00:08.0 to vfio-pci before they began. These had no driver.
    private static readonly string[] Driverless = ["0000:00:09.0", "0000:00:09.1", "0000:00:09.2", "0000:02:00.0", "0000:03:01.0", "0000:03:02.0", "0000:04:00.0"];
    private static readonly string[] Msi = ["msi", "0000:00:01.0", "0000:00:02.0", "0000:00:03.0", "0000:00:04.0", "0000:01:00.0", "0000:00:08.0"];
    private static readonly string[] Device = ["device", "0000:00:01.0", "0000:00:02.0", "0000:00:03.0", "0000:00:04.0", "0000:00:08.0"];

    /// <summary>All of them but those of the kernel with 16 KiB pages, which a client with smaller ones cannot hand it buffers as it wants them.</summary>
    public static IReadOnlyList<CaptureRun> All { get; } =
    [
        new($"{Its}/type1", "type1", "0000:00:03.0"),
        new($"{Its}/type1v1", "type1v1", "0000:00:03.0"),
        new($"{Its}/device", Device),
        new($"{Its}/msi", Msi),
        new($"{Its}-acpi/msi", Msi),
        new($"{V2m}/msi", Msi) { Unsafe = [true] },
        new($"{Its}-acpi/refuse", "refuse", "0000:00:01.0") { Unsafe = [false, true] },
        new($"{V2m}/refuse", "refuse", "0000:00:01.0") { Unsafe = [false, true] },
        new($"{Its}/group-alias-refused-device", "group", "0000:03:02.0"),
        new($"{Its}/group-behind-pci-bridge", "group", "0000:03:01.0") { Drivers = [("0000:03:01.0", VfioDriver)] },
        new($"{Its}/group-below-port-without-acs", "group", "0000:04:00.0") { Drivers = [("0000:04:00.0", VfioDriver)] },
        new($"{Its}/group-no-vfio-driver", "group", "0000:00:09.0"),
        new($"{Its}/group-not-viable-e1000-has-host-driver", "group", "0000:00:09.0", "0000:00:09.1") { Drivers = [("0000:00:09.0", VfioDriver), ("0000:00:09.2", "e1000")] },
        new($"{Its}/group-one-of-two-bound-other-driverless", "group", "0000:00:09.0", "0000:00:09.1") { Drivers = [("0000:00:09.0", VfioDriver)] },
        new($"{Its}/group-both-bound", "group", "0000:00:09.0", "0000:00:09.1") { Drivers = [("0000:00:09.0", VfioDriver), ("0000:00:09.1", VfioDriver)] },
    ];

    /// <summary>Drivers of this run beside those of all.</summary>
    public IReadOnlyList<(string Device, string Driver)> Drivers { get; init; } = [];

    /// <summary>vfio_iommu_type1.allow_unsafe_interrupts of each run that the capture is of, one after the other.</summary>
    public IReadOnlyList<bool> Unsafe { get; init; } = [false];

    /// <summary>The client changes its user.</summary>
    public bool NeedsRoot => Client[0].StartsWith("type1", StringComparison.Ordinal);

    /// <summary>Runs the client under <c>doorbell run</c> and compares.</summary>
    public CaptureTotals Make()
    {
        string client = CaptureClient.PathOf();
        using var board = new CaptureBoardFiles(Capture[..Capture.IndexOf('/', StringComparison.Ordinal)]);
        for (int tries = 1; ; tries++)
        {
            CaptureTotals totals = MakeOnce(client, board);
            if (tries == MostTries || totals.Unexplained.Count == 0 || !totals.Unexplained.All(static text => text.StartsWith(LooksAtOnce, StringComparison.Ordinal)))
            {
                return totals;
            }
        }
    }

    private CaptureTotals MakeOnce(string client, CaptureBoardFiles board)
    {
        File.Delete(board.Result);
        foreach (bool allow in Unsafe)
        {
            // Where a capture is of two runs, the client was told what to call them.
            string[] tag = Unsafe.Count == 1 ? [] : [allow ? "unsafe_interrupts_Y" : "unsafe_interrupts_N"];
            string[] program = ["/usr/bin/env", $"GOLD_OUT={board.Result}", client, .. Client, .. tag];
            Run.ToEnd(DoorbellCommand.Program, [.. Options(board, allow), "--", .. program], Patience).MustSucceed();
        }

        Outcome compared = Run.ToEnd(
            DoorbellCommand.Program,
            ["compare", CaptureBoardFiles.CaptureOf(Capture), board.Result, "--differences", Repository.PathOf("tests", "Doorbell.SystemTests", "Captures", "differences.txt"), "--json"],
            Patience);
        return CaptureTotals.Read(compared);
    }

    private List<string> Options(CaptureBoardFiles board, bool allow)
    {
        List<string> options = ["run", "--machine", board.Machine, "--functions", board.Functions];
        foreach (string device in Driverless.Where(device => !Drivers.Any(driver => driver.Device == device)))
        {
            options.AddRange(["--driver", $"{device}=none"]);
        }

        foreach ((string device, string driver) in Drivers)
        {
            options.AddRange(["--driver", $"{device}={driver}"]);
        }

        if (allow)
        {
            options.Add("--allow-unsafe-interrupts");
        }

        return options;
    }
}
