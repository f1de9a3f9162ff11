namespace Doorbell.Gic;

/// <summary>Executes ITS commands on the tables (IHI 0069, 5.3). A command with an error changes nothing.</summary>
internal sealed class ItsCommandProcessor(ItsTables tables, ItsControlFrame frame, GicDomain gic, int eventIdBits, int number)
{
    public ItsCommandError Execute(in ItsCommand command) => command.Opcode switch
    {
        ItsOpcode.Mapd => Mapd(command),
        ItsOpcode.Mapc => Mapc(command),
        ItsOpcode.Mapti => Map(command, command.PIntid),
        ItsOpcode.Mapi => Map(command, command.Event.Value),
        ItsOpcode.Invall => Invall(command),
        ItsOpcode.Movall => Movall(command),
        // Execution is in order and immediate, so SYNC finds nothing to wait for.
        ItsOpcode.Sync => InRange(command.Target) ? ItsCommandError.None : ItsCommandError.TargetOutOfRange,
        _ => OnMappedEvent(command),
    };

    private ItsCommandError Mapd(in ItsCommand command)
    {
        if (command.Device.Value >= tables.DeviceLimit || !frame.HasDevice(command.Device))
        {
            return ItsCommandError.DeviceOutOfRange;
        }

        if (command.Valid && (command.Size < 0 || command.Size >= eventIdBits))
        {
            return ItsCommandError.IttSizeOutOfRange;
        }

        // Chosen: MAPD with V=1 on a mapped device starts with an empty ITT. In the manual the ITT is memory the
        // driver has cleared; what it pointed at before is not looked at again.
        Disconnect(command.Device);
        tables.SetDevice(command.Device, command.Valid ? new ItsTableEntry[1 << (command.Size + 1)] : null);
        return ItsCommandError.None;
    }

    private ItsCommandError Mapc(in ItsCommand command)
    {
        if (command.Icid >= frame.CollectionLimit)
        {
            return ItsCommandError.CollectionOutOfRange;
        }

        if (command.Valid && !InRange(command.Target))
        {
            return ItsCommandError.TargetOutOfRange;
        }

        bool was = tables.TryGetTarget(command.Icid, out int before);
        tables.SetTarget(command.Icid, command.Valid ? (int)command.Target : null);
        if (was == command.Valid && (!was || before == (int)command.Target))
        {
            return ItsCommandError.None;
        }

        // Chosen: what waits stays at the redistributor it waits at (MOVALL takes it along), and V=0 leaves it there too.
        foreach ((DeviceId device, uint eventId, ItsTranslation translation) in tables.TranslationsOf(command.Icid))
        {
            Connect(device, eventId, translation.Intid, command.Valid);
            if (command.Valid)
            {
                gic.RouteCollection(translation.Intid, (int)command.Target);
            }
        }

        return ItsCommandError.None;
    }

    private void Disconnect(DeviceId device)
    {
        ItsTableEntry[] table = tables.GetDevice(device) ?? [];
        for (uint i = 0; i < table.Length; i++)
        {
            ItsTranslation translation = table[i].Read();
            if (translation.IsValid)
            {
                Connect(device, i, translation.Intid, false);

                // A write that has the old ITT in its hand looks at the entry once more before it raises anything (N4).
                table[i].Discard();
            }
        }
    }

    // What the shortcut of a delivery goes by: both halves of a translation are there, its entry and its collection.
    private void Connect(DeviceId device, uint eventId, uint intid, bool complete)
    {
        ulong source = IntidSource.Event(number, device, eventId);
        if (number == 0)
        {
            return;
        }

        if (complete)
        {
            gic.ConnectLpi(intid, source);
        }
        else
        {
            gic.DisconnectLpi(intid, source);
        }
    }

    private ItsCommandError Map(in ItsCommand command, uint intid)
    {
        ItsCommandError error = FindEvent(command, out ItsTableEntry[]? device);
        if (error != ItsCommandError.None)
        {
            return error;
        }

        if (command.Icid >= frame.CollectionLimit)
        {
            return ItsCommandError.CollectionOutOfRange;
        }

        if (!gic.IsLpi(intid))
        {
            return ItsCommandError.PhysicalIdOutOfRange;
        }

        // Chosen: a second MAPTI of an event replaces the first (CONSTRAINED UNPREDICTABLE).
        ref ItsTableEntry entry = ref device![command.Event.Value];
        if (entry.Read() is { IsValid: true } before)
        {
            Connect(command.Device, command.Event.Value, before.Intid, false);
        }

        entry.Map(intid, command.Icid);
        if (tables.TryGetTarget(command.Icid, out int cpu))
        {
            Connect(command.Device, command.Event.Value, intid, true);
            gic.RouteCollection(intid, cpu);
        }

        return ItsCommandError.None;
    }

    private ItsCommandError OnMappedEvent(in ItsCommand command)
    {
        ItsCommandError error = FindEvent(command, out ItsTableEntry[]? device);
        if (error != ItsCommandError.None)
        {
            return error;
        }

        ref ItsTableEntry entry = ref device![command.Event.Value];
        ItsTranslation translation = entry.Read();
        if (command.Opcode == ItsOpcode.Movi && command.Icid >= frame.CollectionLimit)
        {
            return ItsCommandError.CollectionOutOfRange;
        }

        if (!translation.IsValid)
        {
            return ItsCommandError.UnmappedInterrupt;
        }

        ushort icid = command.Opcode == ItsOpcode.Movi ? command.Icid : translation.Icid;
        int cpu = 0;
        if (command.Opcode != ItsOpcode.Discard && !tables.TryGetTarget(icid, out cpu))
        {
            return ItsCommandError.UnmappedCollection;
        }

        switch (command.Opcode)
        {
            case ItsOpcode.Movi:
                entry.Write(new ItsTranslation(translation.Intid, icid, translation.Generation));
                Connect(command.Device, command.Event.Value, translation.Intid, true);
                if (gic.Find(translation.Intid) is { } moved)
                {
                    gic.Route(moved, cpu);
                }

                break;
            case ItsOpcode.Inv:
                gic.ReloadLpi(translation.Intid, cpu);
                break;
            case ItsOpcode.Int:
                gic.Find(translation.Intid)?.Raise();
                break;
            case ItsOpcode.Clear:
                Forget(translation.Intid);
                break;
            case ItsOpcode.Discard:
                Connect(command.Device, command.Event.Value, translation.Intid, false);
                entry.Discard();
                Forget(translation.Intid);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(command), command.Opcode, "not an ITS command");
        }

        return ItsCommandError.None;
    }

    private ItsCommandError Invall(in ItsCommand command)
    {
        if (command.Icid >= frame.CollectionLimit)
        {
            return ItsCommandError.CollectionOutOfRange;
        }

        if (!tables.TryGetTarget(command.Icid, out int cpu))
        {
            return ItsCommandError.UnmappedCollection;
        }

        foreach ((_, _, ItsTranslation translation) in tables.TranslationsOf(command.Icid))
        {
            gic.ReloadLpi(translation.Intid, cpu);
        }

        return ItsCommandError.None;
    }

    private ItsCommandError Movall(in ItsCommand command)
    {
        if (!InRange(command.Target) || !InRange(command.Target2))
        {
            return ItsCommandError.TargetOutOfRange;
        }

        gic.MoveAll((int)command.Target, (int)command.Target2);
        return ItsCommandError.None;
    }

    private void Forget(uint intid)
    {
        if (gic.Find(intid) is { } irq)
        {
            gic.ClearPending(irq);
        }
    }

    private ItsCommandError FindEvent(in ItsCommand command, out ItsTableEntry[]? device)
    {
        device = null;
        if (command.Device.Value >= tables.DeviceLimit)
        {
            return ItsCommandError.DeviceOutOfRange;
        }

        device = tables.GetDevice(command.Device);
        if (device is null)
        {
            return frame.HasDevice(command.Device) ? ItsCommandError.UnmappedDevice : ItsCommandError.DeviceOutOfRange;
        }

        return command.Event.Value < (uint)device.Length ? ItsCommandError.None : ItsCommandError.EventOutOfRange;
    }

    private bool InRange(uint target) => target < (uint)gic.Cpus;
}
