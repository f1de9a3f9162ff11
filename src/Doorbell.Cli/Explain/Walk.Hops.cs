using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Gic.Events;
using Doorbell.Iommu;
using Doorbell.SocMsi;
using Doorbell.X86;

namespace Doorbell.Cli.Explain;

/// <content>One MSI, every place it passes.</content>
internal sealed partial class Walk
{
    private string PayloadName => _device.MsiDomain?.Parent switch
    {
        ItsDomain => "EventID",
        GicV2mDomain => "SPI",
        SocMsiDomain => "MSI",
        _ => "data",
    };

    private bool IsX86 => _device.MsiDomain?.Parent is ApicDomain or VtdDomain or AmdDomain;

    private string IntidName => IsX86 ? "CPU's vector" : "INTID";

    private void Hops(int vector, MsiWritten? written, MsiDeliverEvent? delivery, IommuDomain? domain)
    {
        if (written is null)
        {
            return;
        }

        var table = new AccountTable("hop", new("hop", "hop"), new("at", "at"), new("in", "what comes"), new("out", "what goes on"));
        table.Add("device", written.Device, $"its vector {vector} is raised", $"a write of 0x{written.Data:x} to IOVA {written.Iova}");
        table.Add("bus", $"RequesterID {written.RequesterId}", $"IOVA {written.Iova}", written.StreamId is { } stream ? $"StreamID {stream} (iommu-map)" : "no StreamID: nothing translates it");
        bool isTranslated = written.StreamId is not null && domain is { MsiMapping: true };
        table.Add(
            "IOMMU",
            domain is null ? "none" : isTranslated ? domain.ToString() : domain.Iommu.Name,
            written.StreamId is { } id ? $"StreamID {id}, IOVA {written.Iova}" : $"IOVA {written.Iova}",
            isTranslated ? $"PA {written.Address}, by the doorbell's mapping" : $"PA {written.Address}, untranslated (M7)");
        table.Add("decode", "bus", $"PA {written.Address}", $"the doorbell of {written.Target}");
        if (delivery is not null)
        {
            string at = PayloadName == "MSI" ? "the interrupt its MSIs share" : $"{IntidName} {delivery.Intid}";
            table.Add("controller", delivery.Controller, LookedUp(written, delivery), at);
            table.Add("CPU", $"CPU {delivery.Cpu}", PayloadName == "MSI" ? "the shared interrupt" : $"{IntidName} {delivery.Intid}", $"vector {delivery.Vector} of {delivery.Device}");
            table.Add("VFIO", delivery.Device, $"vector {delivery.Vector}", $"its eventfd is signalled, {Plural(_triggers[vector].Count, "time")} by now");
        }

        _account.Fact("One MSI, hop by hop:");
        _account.Table(table);
    }

    // What the controller goes by, and whether it looks at who writes (M1).
    private string LookedUp(MsiWritten written, MsiDeliverEvent delivery) => _device.MsiDomain?.Parent switch
    {
        ItsDomain { HasIsolatedMsi: false } => $"DeviceID {delivery.DeviceId} by the address written to, EventID {delivery.Data}",
        ItsDomain => $"DeviceID {delivery.DeviceId} (msi-map), EventID {delivery.Data}",
        VtdDomain => $"entry {InterruptAddress.HandleOf(written.Address.Value - InterruptAddress.Base) + delivery.Data}, which takes writes of {delivery.Requester} only",
        AmdDomain => $"entry {delivery.Data} of DeviceID {delivery.DeviceId}'s own table",
        ApicDomain => "CPU in the address, vector in the data, whoever writes it",
        _ => $"{PayloadName} {delivery.Data}, whoever writes it",
    };
}
