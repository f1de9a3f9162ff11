using System.Runtime.CompilerServices;
using Doorbell.Linux.Supervision;

namespace Doorbell.Linux.Vfio;

/// <summary>One <see cref="ClientAddressSpace"/> a process, so that mappings of one process share a place on the bus.</summary>
internal sealed class ClientAddressSpaces
{
    private readonly ConditionalWeakTable<ProcessMemory, ClientAddressSpace> _spaces = [];

    /// <summary>The calling process's; null where it is gone or out of reach.</summary>
    internal ClientAddressSpace? Of(ClientCall call, out Errno failure) =>
        call.Process(out failure) is { } process ? _spaces.GetValue(process, static memory => new ClientAddressSpace(memory)) : null;
}
