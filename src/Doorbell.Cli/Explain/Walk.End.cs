using Doorbell.Iommu;
using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <content>Closing, and what is left.</content>
internal sealed partial class Walk
{
    private ReservedIovaDomain? _window;

    private void Close(VfioContainer container, VfioGroup group, VfioDevice device)
    {
        _account.Begin(StepKind.Close, "Close");
        _window = _device.Iommu?.GetStream(_device.StreamId).Domain.ReservedIovas;
        device.Release();
        group.Release();
        container.Release();
        _account.Fact("Device, group and container are closed.");
        _account.End();
    }

    // N2, V7: the engine is asked for everything a client can leave, and each must be none.
    private void Left(PassthroughGroup members, IommuDomain? domain)
    {
        _account.Begin(StepKind.Left, "What is left");
        var table = new AccountTable("left", new("what", "what"), new("left", "left"));
        Add("groups in use", _host.Groups.Values.Count(static group => group.IsInUse));
        Add("client address spaces with something mapped", _host.IsIdle ? 0 : 1);
        Add("streams attached", members.Devices.Count(static member => member.Iommu?.GetStream(member.StreamId).IsAttached ?? false));
        Add("pages and blocks mapped in the domain", domain?.EntryCount ?? 0);
        Add("domains not freed", domain is null or { IsFreed: true } ? 0 : 1);
        Add("doorbells bound", _window?.BindingCount ?? 0);
        Add("references to doorbells", _window?.ReferenceCount ?? 0);
        Add("granules of the window taken", _window?.UsedGranules ?? 0);
        Add("messages in the device", CountMessages());
        Add("vectors at the controller", CountVectors());
        _account.Table(table);
        _account.End();

        void Add(string what, long left)
        {
            table.Add(what, left);
            Expect(left == 0, $"{what}: {left} left");
        }
    }
}
