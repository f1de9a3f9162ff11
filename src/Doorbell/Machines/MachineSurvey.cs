using Doorbell.Devices;
using Doorbell.Vfio;

namespace Doorbell.Machines;

/// <summary>What a machine offers, asked of the engine and not of its description: the machine built with a device in every slot.</summary>
public sealed class MachineSurvey
{
    private MachineSurvey(Machine machine, IReadOnlyList<SlotSurvey> slots)
    {
        Machine = machine;
        Slots = slots;
    }

    /// <summary>The machine that was built.</summary>
    public Machine Machine { get; }

    /// <summary>Its slots, in the order of the description.</summary>
    public IReadOnlyList<SlotSurvey> Slots { get; }

    /// <summary>True where every slot's MSIs are looked up by who writes them (M1): what V3 asks.</summary>
    public bool IsIsolated => Slots.Count > 0 && Slots.All(slot => slot.IsIsolated);

    /// <summary>True where an IOMMU translates every slot's DMA, so that VFIO offers it.</summary>
    public bool IsTranslated => Slots.Count > 0 && Slots.All(slot => slot.IsTranslated);

    /// <summary>Builds the machine, slots that hold a device in the description included, with a test device in each.</summary>
    /// <returns>What the builder says where it cannot.</returns>
    public static Result<MachineSurvey> Of(MachineDescription description)
    {
        var builder = new MachineBuilder(description);
        foreach (PciHostDescription host in description.PciHosts)
        {
            foreach (PciSlotDescription slot in host.Slots)
            {
                Result plugged = builder.Plug(slot.Address, new PciTestDevice(isExpress: !host.IsConventional(slot.Address)));
                if (!plugged.IsOk)
                {
                    return plugged;
                }
            }
        }

        Result<Machine> machine = builder.Build();
        if (!machine.IsOk)
        {
            return machine.WithoutValue;
        }

        var slots = new List<SlotSurvey>();
        foreach (PciHostDescription host in description.PciHosts)
        {
            foreach (PciSlotDescription slot in host.Slots)
            {
                PassthroughDevice device = machine.Value.Find(slot.Address)!;
                slots.Add(new SlotSurvey(host, device, machine.Value.FindGroup(device)));
            }
        }

        return new MachineSurvey(machine.Value, slots);
    }
}
