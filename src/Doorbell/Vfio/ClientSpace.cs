using Doorbell.Fabric;

namespace Doorbell.Vfio;

/// <summary>A client address space with a place on the bus for as long as something of it is mapped.</summary>
internal sealed class ClientSpace(IClientAddressSpace memory, int number)
{
    public IClientAddressSpace Memory { get; } = memory;

    public int Number { get; } = number;

    public int Mappings { get; set; }

    public PhysicalAddress AddressOf(ulong virtualAddress) => PhysicalBus.AddressOf(Number, virtualAddress);
}
