using Doorbell.Devices;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Pci;

namespace Doorbell.Hosts;

/// <summary>Makes a machine of what is known of a host. What it must have and the host's files do not say is assumed, and named in <see cref="MachineDescription.Notes"/>.</summary>
public static class HostMachine
{
    /// <summary>Makes it, and sees that it can be built.</summary>
    /// <param name="facts">The host: running, its configuration spaces read by root.</param>
    /// <param name="described">What its device tree describes; null where the hosts, IOMMUs and MSI controllers are those of <see cref="HostFacts.Firmware"/>.</param>
    /// <returns>ENODEV: it has no PCI functions; EACCES: their configuration space could not be read whole; ENXIO: no firmware says how they are connected; what building it answers.</returns>
    public static Result<HostLab> From(HostFacts facts, MachineDescription? described = null)
    {
        if (facts.Functions.Count == 0)
        {
            return Result.Fail(Errno.ENODEV, $"{facts.Name} is no machine to run: it has no PCI functions.");
        }

        if (facts.Functions.FirstOrDefault(static function => function.Config.Length < PciHeader.ConventionalSize) is { } cut)
        {
            return Result.Fail(Errno.EACCES, $"{facts.Name} is no machine to run: of {cut.Address} it has {cut.Config.Length} bytes of configuration space: expected a capture that root made.");
        }

        var notes = new List<string>();
        List<CapturedAt> functions = ReadFunctions(facts, notes);
        if (described is null && facts.Firmware is null)
        {
            return Result.Fail(Errno.ENXIO, $"{facts.Name} is no machine to run: nothing in it says which IOMMU and which MSI controller its functions meet: expected a device tree or ACPI tables.");
        }

        MachineDescription machine = described ?? new HostMachineParts(facts, facts.Firmware!, notes).Describe();
        machine = machine.WithFound(functions) with
        {
            Name = facts.Name,
            Title = $"{functions.Count} functions as they were found",
            PageSize = facts.Kernel.PageSize ?? machine.PageSize,
            Iommus = [.. machine.Iommus.Select(iommu => WithWindow(iommu, facts))],
            Notes = [.. machine.Notes, .. notes],
        };

        // A function where the machine has no bus is left out, as one that cannot be built is.
        List<CapturedAt> placed = functions.FindAll(found => machine.TryFindHost(found.Address, out _));
        if (placed.Count < functions.Count)
        {
            machine = machine with { Notes = [.. machine.Notes, $"Left out, as no PCI host has their bus: {string.Join(", ", functions.Except(placed).Select(static found => found.Address))}."] };
        }

        return Check(machine, placed);
    }

    private static List<CapturedAt> ReadFunctions(HostFacts facts, List<string> notes)
    {
        var functions = new List<CapturedAt>();
        foreach (HostFunction function in facts.Functions)
        {
            ulong[] sizes = new ulong[CapturedFunction.RomIndex + 1];
            foreach (HostResource resource in function.Resources.Where(static resource => resource.Index <= CapturedFunction.RomIndex))
            {
                sizes[resource.Index] = resource.Last - resource.Start + 1;
            }

            Result<CapturedFunction> captured = CapturedFunction.Create(function.Address.ToString(), function.Config.Span, sizes);
            if (captured.IsOk)
            {
                functions.Add(new CapturedAt(function.Address, captured.Value));
            }
            else
            {
                notes.Add($"Left out: {captured.Reason}");
            }
        }

        return functions;
    }

    // Linux has more than one place for its window: the one its groups had is the one.
    private static IommuDescription WithWindow(IommuDescription iommu, HostFacts facts)
    {
        ReservedRegion window = facts.Groups?.SelectMany(static group => group.ReservedRegions ?? []).FirstOrDefault(static region => region.Type == ReservedRegionType.SoftwareMsi) ?? default;
        return window.Size == 0 || iommu.IsX86 ? iommu : iommu with { MsiWindow = window };
    }

    private static Result<HostLab> Check(MachineDescription machine, List<CapturedAt> functions)
    {
        var builder = new MachineBuilder(machine);
        foreach (CapturedAt found in functions)
        {
            Result added = builder.Add(found);
            if (!added.IsOk)
            {
                return Result.Fail(added.Errno, $"{machine.Name} cannot be built: {added.Reason}");
            }
        }

        Result<Machine> built = builder.Build();
        return built.IsOk ? new HostLab(machine, functions) : Result.Fail(built.Errno, $"{machine.Name} cannot be built: {built.Reason.TrimEnd('.')}.");
    }
}
