using System.Buffers.Binary;
using Doorbell.Devices;
using Doorbell.Events;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Machines.Yaml;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>A built-in machine with pci-test devices, its VFIO host, and everything that happened on it.</summary>
internal sealed class Board
{
    public const ulong Memory = 0x7f00_0000_0000;

    private readonly IDisposable _listening;

    public Board(string machine = "virt-gicv3", bool allowUnsafe = false, params string[] slots)
        : this(machine, new VfioOptions { AllowUnsafeInterrupts = allowUnsafe }, MappingPoint.Alloc, slots)
    {
    }

    public Board(string machine, VfioOptions options, MappingPoint mappingPoint, params string[] slots)
        : this(machine, static text => text, options, mappingPoint, slots)
    {
    }

    /// <summary>The machine with its file changed.</summary>
    public Board(string machine, Func<string, string> edit, VfioOptions options, MappingPoint mappingPoint, params string[] slots)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "machines", $"{machine}.yaml");
        MachineBuilder builder = new(MachineYaml.Read(path, edit(File.ReadAllText(path))).Value) { MappingPoint = mappingPoint };
        foreach (string slot in slots.Length == 0 ? ["0000:01:00.0"] : slots)
        {
            Assert.True(PciAddress.TryParse(slot, out PciAddress address));
            Result plugged = builder.Plug(address, new PciTestDevice());
            Assert.True(plugged.IsOk, plugged.Reason);
        }

        Result<Machine> built = builder.Build();
        Assert.True(built.IsOk, built.Reason);
        Machine = built.Value;
        _listening = Machine.Events.Subscribe(Events.Add);
        Host = Machine.CreateVfioHost(options);
    }

    public Machine Machine { get; }

    public VfioHost Host { get; }

    public List<MachineEvent> Events { get; } = [];

    public ArrayMemory Client { get; } = new(Memory, 0x40_0000);

    public VfioContainer Container { get; private set; } = null!;

    public VfioGroup Group { get; private set; } = null!;

    public VfioDevice Device { get; private set; } = null!;

    public PassthroughDevice Physical(string address = "0000:01:00.0") => Machine.Devices.Single(device => device.Name == address);

    public PassthroughGroup GroupOf(string address = "0000:01:00.0") => Machine.GroupOf(Physical(address));

    public IommuDomain Domain => Physical().Iommu!.GetStream(Physical().StreamId).Domain;

    public IEnumerable<Refusal> Refusals => Events.OfType<Refusal>();

    /// <summary>Group, container, type1v2, device: the way every client goes.</summary>
    public Board Assign()
    {
        Container = Host.OpenContainer();
        Group = Ok(Host.OpenGroup(GroupOf().Id));
        Ok(Group.SetContainer(Container));
        Ok(Container.SetIommu(VfioIommuType.Type1v2));
        Device = Ok(Group.OpenDevice("0000:01:00.0"));
        return this;
    }

    public Board Map(ulong iova, ulong size, VfioMapFlags flags = VfioMapFlags.Read | VfioMapFlags.Write, ulong offset = 0)
    {
        Ok(Container.MapDma(flags, Memory + offset, new Iova(iova), size, Client));
        return this;
    }

    /// <summary>From now on nothing is told, as in a run without --trace.</summary>
    public void StopListening() => _listening.Dispose();

    public void EnableBusMaster()
    {
        Span<byte> command = [0x06, 0x00];
        Assert.Equal(2, Ok(Device.WriteRegion(VfioRegionIndex.Config, PciHeader.Command, command)));
    }

    public CountingTrigger[] ArmMsiX(int count, int start = 0)
    {
        CountingTrigger[] triggers = [.. Enumerable.Range(0, count).Select(_ => new CountingTrigger())];
        Ok(Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, (uint)start, (uint)count, default, triggers));
        return triggers;
    }

    public void Write(PciTestDevice.Register register, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Assert.Equal(4, Ok(Device.WriteRegion(0, (ulong)register, bytes)));
    }

    public uint Read(PciTestDevice.Register register)
    {
        Span<byte> bytes = stackalloc byte[4];
        Assert.Equal(4, Ok(Device.ReadRegion(0, (ulong)register, bytes)));
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public PciTestDevice.CopyStatus Copy(ulong source, ulong destination, uint length)
    {
        Write(PciTestDevice.Register.SourceLow, (uint)source);
        Write(PciTestDevice.Register.SourceHigh, (uint)(source >> 32));
        Write(PciTestDevice.Register.DestinationLow, (uint)destination);
        Write(PciTestDevice.Register.DestinationHigh, (uint)(destination >> 32));
        Write(PciTestDevice.Register.Length, length);
        Write(PciTestDevice.Register.Copy, 1);
        return (PciTestDevice.CopyStatus)Read(PciTestDevice.Register.Status);
    }

    public void Close()
    {
        Device.Release();
        Group.Release();
        Container.Release();
    }

    public static void Ok(Result result) => Assert.True(result.IsOk, result.ToString());

    public static T Ok<T>(Result<T> result)
    {
        Assert.True(result.IsOk, result.ToString());
        return result.Value;
    }
}
