using Doorbell.Events;
using Doorbell.Linux.Reporting;
using Doorbell.Linux.Views;

namespace Doorbell.Linux.Supervision;

/// <summary>What a client finds behind the nodes of its view.</summary>
internal interface IClientHost : IDisposable
{
    /// <summary>Where events go.</summary>
    EventStream Events { get; }

    /// <summary>What the client sees below /sys and /dev.</summary>
    SysView View { get; }

    /// <summary>The configuration spaces in the view, which change as the client works.</summary>
    ConfigFiles ConfigFiles { get; }

    /// <summary>What its devices did so far, bridges left out.</summary>
    IReadOnlyList<DeviceAccount> Devices { get; }

    /// <summary>What its devices are called.</summary>
    MachineNames Names { get; }

    /// <summary>Bytes of device memory that clients may map, all devices together.</summary>
    ulong MappableBytes { get; }

    /// <summary>True when nothing of any client is left in the machine (V7, N2).</summary>
    bool IsIdle { get; }

    /// <summary>The client opens a node of the view.</summary>
    Result<ClientFile> Open(string path);
}
