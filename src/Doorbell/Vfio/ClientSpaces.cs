using Doorbell.Fabric;

namespace Doorbell.Vfio;

/// <summary>The client address spaces that have something mapped, each with its place on the bus.</summary>
/// <param name="bus">Where they are placed.</param>
/// <param name="quiesce">Returns when no device is still in memory that was unmapped before.</param>
internal sealed class ClientSpaces(PhysicalBus bus, Action quiesce)
{
    private readonly Dictionary<IClientAddressSpace, ClientSpace> _spaces = new(ReferenceEqualityComparer.Instance);

    public int Count => _spaces.Count;

    /// <summary>One more mapping of this address space.</summary>
    public Result<ClientSpace> Get(IClientAddressSpace memory)
    {
        if (!_spaces.TryGetValue(memory, out ClientSpace? space))
        {
            Result<int> number = bus.AddSpace(memory);
            if (!number.IsOk)
            {
                return number.WithoutValue;
            }

            space = new ClientSpace(memory, number.Value);
            _spaces.Add(memory, space);
        }

        space.Mappings++;
        return space;
    }

    /// <summary>One mapping less, which no domain has any more; with the last one the place on the bus is free again.</summary>
    public void Put(ClientSpace space)
    {
        quiesce();
        if (--space.Mappings == 0)
        {
            _spaces.Remove(space.Memory);
            bus.RemoveSpace(space.Number);
        }
    }
}
