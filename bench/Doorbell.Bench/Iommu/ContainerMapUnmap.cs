using BenchmarkDotNet.Attributes;
using Doorbell.Devices;
using Doorbell.Machines;
using Doorbell.Machines.Yaml;
using Doorbell.Vfio;

namespace Doorbell.Bench.Iommu;

/// <summary>4 KiB mapped and unmapped again through a type1 container that has a million mappings.</summary>
public class ContainerMapUnmap
{
    private const int Turn = 1 << 12;
    private const VfioMapFlags Flags = VfioMapFlags.Read | VfioMapFlags.Write;

    private readonly Memory _memory = new();
    private int[] _order = [];
    private int _next;
    private int _inOrder;
    private VfioContainer _container = null!;

    /// <summary>A container with a device, and the million.</summary>
    [GlobalSetup]
    public void Map()
    {
        _order = LiveMappings.Order(1 << 18, LiveMappings.Count);
        string path = Path.Combine(AppContext.BaseDirectory, "machines", "virt-gicv3.yaml");
        var builder = new MachineBuilder(MachineYaml.Read(path, File.ReadAllText(path)).Value);
        var address = new PciAddress(0, 1, 0, 0);
        LiveMappings.Check(builder.Plug(address, new PciTestDevice(1)));
        Machine machine = builder.Build().Value;
        VfioHost host = machine.CreateVfioHost(new VfioOptions { DmaEntryLimit = int.MaxValue });
        _container = host.OpenContainer();
        LiveMappings.Check(host.OpenGroup(machine.GroupOf(machine.Find(address)!).Id).Value.SetContainer(_container));
        LiveMappings.Check(_container.SetIommu(VfioIommuType.Type1v2));
        for (int i = 0; i < LiveMappings.Count; i++)
        {
            MapOne(LiveMappings.PageOf(i));
        }
    }

    /// <summary>One pair, each beside the one before: a client that goes through its memory.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public ulong InOrder()
    {
        ulong unmapped = 0;
        for (int n = 0; n < Turn; n++)
        {
            _inOrder = (_inOrder + 1) % LiveMappings.Count;
            Iova iova = LiveMappings.PageOf(_inOrder) + 0x1000;
            MapOne(iova);
            unmapped += _container.UnmapDma(VfioUnmapFlags.None, iova, 0x1000).Value;
        }

        return unmapped;
    }

    /// <summary>One pair, anywhere among the million.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public ulong Anywhere()
    {
        ulong unmapped = 0;
        for (int n = 0; n < Turn; n++)
        {
            _next = (_next + 1) & ((1 << 18) - 1);
            Iova iova = LiveMappings.PageOf(_order[_next]) + 0x1000;
            MapOne(iova);
            unmapped += _container.UnmapDma(VfioUnmapFlags.None, iova, 0x1000).Value;
        }

        return unmapped;
    }

    private void MapOne(Iova iova) => LiveMappings.Check(_container.MapDma(Flags, iova.Value, iova, 0x1000, _memory));

    private sealed class Memory : IClientAddressSpace
    {
        public Errno Pin(ulong address, ulong size, bool write) => Errno.None;

        public void Unpin(ulong address, ulong size)
        {
        }

        public bool TryRead(ulong address, Span<byte> destination) => true;

        public bool TryWrite(ulong address, ReadOnlySpan<byte> source) => true;
    }
}
