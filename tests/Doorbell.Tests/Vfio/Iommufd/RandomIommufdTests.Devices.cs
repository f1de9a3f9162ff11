using Space = Doorbell.Tests.Vfio.Iommufd.IommufdModel.Space;
using Table = Doorbell.Tests.Vfio.Iommufd.IommufdModel.Table;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>The calls of devices: open, attach, detach, arm, disarm, close.</summary>
public sealed partial class RandomIommufdTests
{
    private string Open()
    {
        RandomDevice device = _devices[_random.Next(_devices.Length)];
        if (device.Id == 0)
        {
            device.Bind(_context);
            _succeeded++;
        }
        else
        {
            Assert.Equal(Errno.EINVAL, Board.Ok(_board.Host.OpenCdev(device.Slot)).BindIommufd(_context).Errno);
            Assert.Equal(Errno.EBUSY, _board.Host.OpenGroup(_board.Board.GroupOf(device.Slot).Id).Errno);
        }

        return $"BIND {device.Slot}";
    }

    private string Attach()
    {
        RandomDevice device = _devices[_random.Next(_devices.Length)];
        uint id = (uint)_random.Next(12);
        if (device.Id == 0)
        {
            return "nothing to attach";
        }

        Space? space = _model.Spaces.Find(each => each.Id == id);
        Table? table = _model.Tables.Find(each => each.Id == id);
        Table? mates = device.Mate is { Table: { } its } ? its : null;
        Errno expected;
        if (space is null && table is null)
        {
            expected = id != 0 && _devices.Any(each => each.Id == id) ? Errno.EINVAL : Errno.ENOENT;
        }
        else
        {
            Space target = space ?? table!.Space;
            Table? existing = table ?? _model.TablesOf(target).FirstOrDefault(each => each.IsAuto);
            bool mustJoin = device.Table is null && mates is not null;
            expected = existing is null && !CanHaveTable(target) ? Errno.EADDRINUSE
                : mustJoin && existing != mates ? Errno.EINVAL
                : existing is not null && existing == device.Table ? Errno.None
                : !CanHaveWindow(target) ? Errno.EADDRINUSE
                : Errno.None;
        }

        Result<uint> attached = device.Cdev!.AttachIommufdPt(id);
        Assert.Equal(expected, attached.Errno);
        if (attached.IsOk)
        {
            _succeeded++;
            Attached(device, attached.Value, space ?? table!.Space);
        }

        return $"ATTACH {device.Slot} to {id}";
    }

    private void Attached(RandomDevice device, uint id, Space space)
    {
        Table? table = _model.Tables.Find(each => each.Id == id);
        if (table is null)
        {
            table = new Table(id, space, isAuto: true);
            _model.Tables.Add(table);
        }

        table.HasWindow = true;
        table.Domain = _board.DomainOf(device.Slot);
        _seen.Add(table.Domain);
        Table? before = device.Table;
        bool mateMoves = device is { Table: not null, Mate.Table: not null };
        device.Table = table;
        device.VectorDomain = table.Domain;
        if (device.Mate is { } mate)
        {
            mate.Table = mateMoves ? table : mate.Table;
            mate.VectorDomain = table.Domain;
        }

        DropIfUnused(before);
    }

    private string Detach()
    {
        RandomDevice device = _devices[_random.Next(_devices.Length)];
        if (device.Cdev is { } cdev)
        {
            Board.Ok(cdev.DetachIommufdPt());
            Table? before = device.Table;
            device.Table = null;
            DropIfUnused(before);
            _succeeded++;
        }

        return $"DETACH {device.Slot}";
    }

    private void DropIfUnused(Table? table)
    {
        if (table is { IsAuto: true } && !_devices.Any(device => device.Table == table))
        {
            _model.Tables.Remove(table);
        }
    }

    private string Arm()
    {
        RandomDevice device = _devices[_random.Next(_devices.Length)];
        if (device.Id != 0 && device.Arm(_random.Next(6), 1 + _random.Next(2)))
        {
            _succeeded++;
        }

        return $"SET_IRQS {device.Slot}";
    }

    private string Disarm()
    {
        RandomDevice device = _devices[_random.Next(_devices.Length)];
        device.Disarm(_random.Next(3) == 0 ? null : _random.Next(6));
        return $"disarm {device.Slot}";
    }

    private string Close()
    {
        if (_random.Next(40) == 0)
        {
            CloseAll();
            _model = new IommufdModel();
            _context = _board.Host.OpenIommufd();
            return "close everything";
        }

        RandomDevice device = _devices[_random.Next(_devices.Length)];
        Table? before = device.Table;
        device.Close();
        DropIfUnused(before);
        return $"close {device.Slot}";
    }
}
