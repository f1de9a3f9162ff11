using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Gic.Events;
using Doorbell.Iommu.Events;
using Doorbell.Msi.Events;

namespace Doorbell.Cli.Explain;

/// <summary>Thins out a step's events for people: what happens to every vector alike is told for vector 0.</summary>
internal sealed class VectorEvents
{
    private uint? _dataOfVector0;

    /// <summary>The events worth a line, and whether some of other vectors were left out.</summary>
    public List<MachineEvent> Thin(IEnumerable<MachineEvent> events, out bool leftOut)
    {
        leftOut = false;
        var kept = new List<MachineEvent>();
        List<MachineEvent> all = [.. events];
        _dataOfVector0 ??= all.OfType<MsiMessageEvent>().FirstOrDefault(e => e.Vector == 0)?.Message.Data;
        foreach (MachineEvent machineEvent in all)
        {
            if (IsOfAnotherVector(machineEvent))
            {
                leftOut = true;
            }
            else if (machineEvent is not (MsiWritten or MsiDeliverEvent or ItsCommandEvent { Command.Opcode: ItsOpcode.Sync }))
            {
                kept.Add(machineEvent);
            }
        }

        return Shorten(kept);
    }

    private bool IsOfAnotherVector(MachineEvent machineEvent) => machineEvent switch
    {
        MsiMessageEvent message => message.Vector != 0,
        MsiVectorEvent vector => vector.Vector != 0,
        GicV2mAllocEvent spi => spi.Spi != _dataOfVector0 && _dataOfVector0 is not null,
        ItsCommandEvent its => its.Command.Opcode is ItsOpcode.Mapti or ItsOpcode.Mapi or ItsOpcode.Inv or ItsOpcode.Discard or ItsOpcode.Movi && its.Command.Event.Value != _dataOfVector0,
        _ => false,
    };

    // References that go up or down one by one: the first and the last say it.
    private static List<MachineEvent> Shorten(List<MachineEvent> events)
    {
        for (int i = events.Count - 2; i > 0; i--)
        {
            if (events[i] is DoorbellEvent && events[i - 1].GetType() == events[i].GetType() && events[i + 1].GetType() == events[i].GetType())
            {
                events.RemoveAt(i);
            }
        }

        return events;
    }
}
