using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Gic.Events;
using Doorbell.Iommu;
using Doorbell.SocMsi;

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
            table.Add("controller", delivery.Controller, PayloadName == "EventID" ? $"DeviceID {delivery.DeviceId} (msi-map), EventID {delivery.Data}" : $"{PayloadName} {delivery.Data}, whoever writes it", PayloadName == "MSI" ? "the interrupt its MSIs share" : $"INTID {delivery.Intid}");
            table.Add("CPU", $"CPU {delivery.Cpu}", $"INTID {delivery.Intid}", $"vector {delivery.Vector} of {delivery.Device}");
            table.Add("VFIO", delivery.Device, $"vector {delivery.Vector}", $"its eventfd is signalled, {Plural(_triggers[vector].Count, "time")} by now");
        }

        _account.Fact("One MSI, hop by hop:");
        _account.Table(table);
    }
}
