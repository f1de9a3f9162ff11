using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>A machine with two clients, a model of what each has, and the invariants that hold after every operation.</summary>
internal sealed partial class OperationWorld
{
    private const int Vectors = 6;
    private const ulong V6Window = 0x0c00_0000;

    private static readonly ulong[] s_places = [0x1000_0000, 0x1000_1000, 0x1000_4000, 0x07ff_f000, 0x0800_0000, 0x080f_f000, 0x0810_0000, 0x0c00_0000, 0x0c00_3000, 0x4000_0000, 0x4020_0000, 0xfee0_0000];
    private static readonly ulong[] s_sizes = [0x1000, 0x1000, 0x2000, 0x5000, 0x20_0000];

    private readonly Board _board;
    private readonly bool _isV6;
    private readonly MappingPoint _point;
    private readonly Client[] _clients;
    private readonly DeviceModel[] _devices;
    private readonly Tally _tally = new();
    private int _mapped;

    public OperationWorld(string machine, VfioUapi uapi, MappingPoint point, string[] slots)
    {
        _board = new Board(machine, new VfioOptions { AllowUnsafeInterrupts = true, Uapi = uapi }, point, slots);
        _board.StopListening();
        _isV6 = uapi == VfioUapi.ReservedIovaV6;
        _point = point;
        _devices = [.. slots.Select(slot => new DeviceModel(_board.Physical(slot), _board.GroupOf(slot).Id))];
        _clients = [new Client(new ArrayMemory(Board.Memory, 0x40_0000)), new Client(new ArrayMemory(Board.Memory, 0x40_0000))];
    }

    /// <summary>Mappings made, vectors armed and messages arrived: a history in which nothing happened proves nothing.</summary>
    public (int Mapped, int Armed, int Arrived) Happened => (_mapped, _tally.Handed, _tally.Signals);

    public void Do(Operation operation)
    {
        Client client = _clients[operation.Client];
        DeviceModel device = _devices[operation.Device % _devices.Length];
        switch (operation.Kind)
        {
            case OperationKind.Join:
                Join(client, device.Group);
                break;
            case OperationKind.SetIommu:
                SetIommu(client, operation.A % 4 == 0 ? VfioIommuType.Type1 : VfioIommuType.Type1v2);
                break;
            case OperationKind.Leave when client.Groups.TryGetValue(device.Group, out VfioGroup? group):
                bool isOpen = _devices.Any(other => other.Group == device.Group && other.Open is not null);
                Result left = group.UnsetContainer();
                Assert.Equal(!isOpen && client.Joined.Contains(device.Group), left.IsOk);
                if (left.IsOk)
                {
                    client.Leave(device.Group);
                }

                break;
            case OperationKind.OpenDevice when client.Groups.TryGetValue(device.Group, out VfioGroup? group):
                OpenDevice(client, device, group);
                break;
            case OperationKind.Map:
                Map(client, s_places[operation.A % s_places.Length], s_sizes[operation.B % s_sizes.Length]);
                break;
            case OperationKind.MapWindow when client.Window() is { } window:
                Map(client, window.Value, 0x1000);
                break;
            case OperationKind.Unmap when operation.A % 2 == 1 && client.Mappings.Count > 0:
                (Iova iova, ulong size) = client.Mappings[operation.B % client.Mappings.Count];
                Unmap(client, iova.Value, size);
                break;
            case OperationKind.Unmap:
                Unmap(client, s_places[operation.A % s_places.Length], s_sizes[operation.B % s_sizes.Length]);
                break;
            case OperationKind.UnmapAll when client.Container is { } container:
                container.UnmapDma(VfioUnmapFlags.All, default, 0);
                client.Mappings.Clear();
                break;
            case OperationKind.RegisterWindow:
                RegisterWindow(client, operation.A % 3 == 0 ? 0x1000_0000UL : V6Window, operation.B % 4 == 0 ? 0x2000UL : 0x1000UL);
                break;
            case OperationKind.Arm:
                Arm(device, operation.A % Vectors, 1 + (operation.B % 3), operation.B % 5 == 0);
                break;
            case OperationKind.Disarm:
                Disarm(device, operation.A % Vectors);
                break;
            case OperationKind.DisarmAll:
                DisarmAll(device);
                break;
            case OperationKind.Affinity when device.Open is { } open:
                open.SetAffinity(operation.A % Vectors, operation.B % (_board.Machine.Description.Cpus + 1));
                break;
            case OperationKind.Reset when device.Open is { } open:
                open.Reset();
                break;
            case OperationKind.Fire:
                Fire(device, operation.A % Vectors);
                break;
            case OperationKind.Stray:
                Stray(device, operation.A, (uint)operation.B);
                break;
            case OperationKind.CloseDevice:
                Close(device);
                break;
            case OperationKind.CloseGroup when client.Groups.ContainsKey(device.Group):
                CloseGroup(client, device.Group);
                break;
            case OperationKind.CloseContainer:
                CloseContainer(client);
                break;
            case OperationKind.Kill:
                Kill(client, operation.A);
                break;
            default:
                break;
        }
    }

    /// <summary>N1 to N5, as far as they can be seen between operations; N4 of every vector.</summary>
    private void Join(Client client, int number)
    {
        if (!client.Groups.TryGetValue(number, out VfioGroup? group))
        {
            Result<VfioGroup> opened = _board.Host.OpenGroup(number);
            Assert.Equal(_clients.Any(other => other.Groups.ContainsKey(number)) || _devices.Any(device => device.Group == number && device.Open is not null) ? Errno.EBUSY : Errno.None, opened.Errno);
            if (!opened.IsOk)
            {
                return;
            }

            group = opened.Value;
            client.Groups.Add(number, group);
        }

        client.Container ??= _board.Host.OpenContainer();
        Result joined = group.SetContainer(client.Container);
        Assert.True(!joined.IsOk || !client.Joined.Contains(number));
        if (joined.IsOk)
        {
            client.Joined.Add(number);
        }
    }

    private static void SetIommu(Client client, uint type)
    {
        if (client.Container is { } container)
        {
            bool can = client.Joined.Count > 0 && !container.HasIommu;
            Assert.Equal(can, container.SetIommu(type).IsOk);
            client.IsV2 = can ? type == VfioIommuType.Type1v2 : client.IsV2;
        }
    }

    private void OpenDevice(Client client, DeviceModel device, VfioGroup group)
    {
        Result<VfioDevice> opened = group.OpenDevice(device.Physical.Name);
        Assert.Equal(client.Joined.Contains(device.Group) && client.Container!.HasIommu, opened.IsOk);
        if (opened.IsOk && device.Open is not null)
        {
            // A second open of the file; one is enough here.
            opened.Value.Release();
        }
        else if (opened.IsOk)
        {
            device.Open = opened.Value;
            Span<byte> command = [0x06, 0x00];
            opened.Value.WriteRegion(VfioRegionIndex.Config, PciHeader.Command, command);
        }
    }

    private void Map(Client client, ulong iova, ulong size)
    {
        if (client.Container is not { } container)
        {
            return;
        }

        Result mapped = container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, Board.Memory, new Iova(iova), size, client.Memory);
        bool overlaps = client.Mappings.Exists(mapping => mapping.Iova.Value < iova + size && iova < mapping.Iova.Value + mapping.Size);
        bool usable = container.HasIommu && Board.Ok(container.GetInfo()).UsableRanges.Any(range => range.First.Value <= iova && iova + size - 1 <= range.Last.Value);
        bool inWindow = client.WindowSize != 0 && client.WindowBase < iova + size && iova < client.WindowBase + client.WindowSize;
        Assert.Equal(usable && !overlaps && !inWindow, mapped.IsOk);
        if (mapped.IsOk)
        {
            client.Mappings.Add((new Iova(iova), size));
            _mapped++;
        }
    }

    private static void Unmap(Client client, ulong iova, ulong size)
    {
        if (client.Container is not { } container)
        {
            return;
        }

        Result<ulong> unmapped = container.UnmapDma(VfioUnmapFlags.None, new Iova(iova), size);
        if (!unmapped.IsOk)
        {
            return;
        }

        // The window goes when exactly it is named; mappings go whole, or (v1) not at all where the range begins inside one.
        bool isWindow = client.WindowSize != 0 && (iova, size) == (client.WindowBase, client.WindowSize);
        bool beginsInside = (client.WindowBase < iova && iova < client.WindowBase + client.WindowSize)
            || client.Mappings.Exists(mapping => mapping.Iova.Value < iova && iova < mapping.Iova.Value + mapping.Size);
        List<(Iova Iova, ulong Size)> gone = beginsInside ? [] : client.Mappings.FindAll(mapping => mapping.Iova.Value - iova < size);
        Assert.True(!beginsInside || !client.IsV2);
        Assert.Equal(gone.Aggregate(isWindow ? size : 0UL, (sum, mapping) => sum + mapping.Size), unmapped.Value);
        client.Mappings.RemoveAll(gone.Contains);
        client.WindowSize = isWindow ? 0 : client.WindowSize;
    }

    private void RegisterWindow(Client client, ulong iova, ulong size)
    {
        if (_isV6 && client.Container is { } container)
        {
            Result registered = container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(iova), size, client.Memory);
            bool overlaps = client.Mappings.Exists(mapping => mapping.Iova.Value < iova + size && iova < mapping.Iova.Value + mapping.Size);
            Assert.True(!registered.IsOk || (client.WindowSize == 0 && !overlaps && container.HasIommu));
            if (registered.IsOk)
            {
                (client.WindowBase, client.WindowSize) = (iova, size);
            }
        }
    }

    private void Arm(DeviceModel device, int start, int count, bool withHole)
    {
        if (device.Open is not { } open)
        {
            return;
        }

        count = Math.Min(count, Vectors - start);
        CountedTrigger?[] triggers = [.. Enumerable.Range(0, count).Select(i => withHole && i == 0 ? null : new CountedTrigger(_tally, device))];
        Result<int> armed = open.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, (uint)start, (uint)count, default, triggers);
        if (armed is { IsOk: true, Value: 0 })
        {
            for (int i = 0; i < count; i++)
            {
                device.Armed.Remove(start + i);
                if (triggers[i] is { } trigger)
                {
                    device.Armed.Add(start + i, trigger);
                }
            }
        }
        else
        {
            // All or nothing of this run: what was armed in it before is let go (vfio_msi_set_block).
            for (int vector = 0; vector < Vectors; vector++)
            {
                if (device.Armed.TryGetValue(vector, out CountedTrigger? trigger) && trigger.Releases != 0)
                {
                    Assert.InRange(vector, start, start + count - 1);
                    device.Armed.Remove(vector);
                }
            }
        }

        Assert.Equal(device.Armed.Count, open.ArmedVectors);
        Assert.All(device.Armed.Values, trigger => Assert.Equal(0, trigger.Releases));
    }

    private static void Disarm(DeviceModel device, int vector)
    {
        if (device.Open is { } open && open.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, (uint)vector, 1, default, [null]) is { IsOk: true, Value: 0 })
        {
            device.Armed.Remove(vector);
            Assert.Equal(device.Armed.Count, open.ArmedVectors);
        }
    }

    private static void DisarmAll(DeviceModel device)
    {
        if (device.Open is { } open && open.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, 0, default, default).IsOk)
        {
            device.Armed.Clear();
            Assert.Equal(0, open.ArmedVectors);
        }
    }

    // N4: what is armed arrives once, at its own trigger; what is not arrives nowhere.
    private void Fire(DeviceModel device, int vector)
    {
        CountedTrigger? armed = device.Armed.GetValueOrDefault(vector);
        (int own, int all) = (armed?.Signals ?? 0, _tally.Signals);
        device.Physical.Function.RaiseMsi(vector);
        Assert.Equal(all + (armed is null ? 0 : 1), _tally.Signals);
        Assert.Equal(own + (armed is null ? 0 : 1), armed?.Signals ?? 0);
    }

    // N4: behind a controller that looks at who writes, a write of any data anywhere raises the writer's own vectors only.
    private void Stray(DeviceModel device, int place, uint data)
    {
        int others = _tally.Signals - device.Signals;
        device.Physical.Function.SendMsi(s_places[place % s_places.Length] + 0x40, data, vector: 0);
        Assert.True(device.Physical.MsiDomain is { IsIsolated: false } || others == _tally.Signals - device.Signals, "N4: a device raised another's interrupt");
    }

    private void Close(DeviceModel device)
    {
        if (device.Open is { } open)
        {
            open.Release();
            device.Open = null;
            device.Armed.Clear();
            LeaveIfUnused(device.Group);
        }
    }

    private void LeaveIfUnused(int group)
    {
        if (!_devices.Any(device => device.Group == group && device.Open is not null) && !_clients.Any(client => client.Groups.ContainsKey(group)))
        {
            Array.ForEach(_clients, client => client.Leave(group));
        }
    }

    private void CloseGroup(Client client, int number)
    {
        client.Groups[number].Release();
        client.Groups.Remove(number);
        LeaveIfUnused(number);
    }

    private static void CloseContainer(Client client)
    {
        // What groups hold lives on; a client that closes its container here keeps using it through them and opens no other.
        if (client.Container is { } container && client.Joined.Count == 0)
        {
            container.Release();
            client.Container = null;
        }
    }

    private void Kill(Client client, int order)
    {
        List<Action> closes = [];
        int[] groups = [.. client.Joined.Union(client.Groups.Keys)];
        closes.AddRange(_devices.Where(device => groups.Contains(device.Group)).Select<DeviceModel, Action>(device => () => Close(device)));
        closes.AddRange(client.Groups.Keys.ToArray().Select<int, Action>(number => () => client.Groups[number].Release()));
        if (client.Container is { } container)
        {
            closes.Add(container.Release);
        }

        foreach (Action close in closes.OrderBy(_ => order = ((order * 37) + 11) & 0xff))
        {
            close();
        }

        client.Forget();
    }
}
