using System.Text.Json;
using System.Xml.Linq;
using Doorbell.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Linux.Reporting;

namespace Doorbell.Tests.Linux.Reporting;

public class RunAccountTests
{
    private readonly List<string> _said = [];
    private readonly RunAccount _account;

    public RunAccountTests() => _account = new RunAccount(_said.Add);

    [Fact]
    public void A_flood_of_refusals_is_bounded_on_the_terminal_and_in_the_report_and_counted_beyond()
    {
        const int Flood = 5000;
        for (int i = 0; i < Flood; i++)
        {
            _account.Take(Refused(i));
        }

        _account.TellCounts();
        Assert.Equal(RunAccount.MaxEntries, _account.Troubles.Count);
        Assert.Equal(Flood - RunAccount.MaxEntries, _account.Others);
        Assert.Equal(RunAccount.MaxSentences + 1, _said.Count);
        Assert.StartsWith($"and {Flood - RunAccount.MaxSentences} more", _said[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void I10_Faults_of_a_device_that_strays_are_one_entry_logged_as_often_as_the_kernel_would()
    {
        // Without a machine a stream has no name and no log; with one it has both (the system tests), so this is the rate alone.
        KernelLogRate rate = new();
        Assert.Equal(10, Enumerable.Range(0, 1000).Count(i => rate.Takes(i)));
        Assert.True(rate.Takes(5_000_000_000));

        for (int i = 0; i < 1000; i++)
        {
            _account.Take(Fault((ulong)i * 0x1000, IommuProtection.Write));
        }

        Trouble fault = Assert.Single(_account.Troubles);
        Assert.Equal(1000, fault.Count);
        Assert.Equal("DMA write of stream 0x8 of smmu at IOVA 0x0 went nowhere: nothing is mapped there for it (smmu: F_TRANSLATION); map what the device is told to use (VFIO_IOMMU_MAP_DMA) before it is told, and keep it mapped until it is done (I10)", Assert.Single(_said));
    }

    /// <remarks>The lines are the kernel log of captures' msi.jsonl, with this unit's name.</remarks>
    [Fact]
    public void I10_A_fault_is_logged_as_Linux_logs_it()
    {
        Assert.Equal(
            [
                "arm-smmu-v3 smmu: event 0x10 received:",
                "arm-smmu-v3 smmu: \t0x0000000800000010",
                "arm-smmu-v3 smmu: \t0x0000020000000000",
                "arm-smmu-v3 smmu: \t0x0000000010000000",
                "arm-smmu-v3 smmu: \t0x0000000000000000",
                "arm-smmu-v3 smmu: event: F_TRANSLATION client: 0000:00:01.0 sid: 0x8 ssid: 0x0 iova: 0x10000000 ipa: 0x0",
                "arm-smmu-v3 smmu: unpriv data write s1 \"Input address caused fault\" stag: 0x0",
            ],
            KernelFaultLog.Lines(Fault(0x1000_0000, IommuProtection.Write), IommuModel.SmmuV3, "0000:00:01.0"));
        Assert.Equal(
            ["arm-smmu smmu: Unhandled context fault: fsr=0x402, iova=0x10000000, fsynr=0x10, cbfrsynra=0x8"],
            KernelFaultLog.Lines(Fault(0x1000_0000, IommuProtection.Write, IommuModel.Mmu500), IommuModel.Mmu500, "0000:00:01.0"));
        Assert.Equal(
            ["DMAR: [DMA Read NO_PASID] Request device [00:01.0] fault addr 0x10000000 [fault reason 0x06] PTE Read access is not set"],
            KernelFaultLog.Lines(Fault(0x1000_0123, IommuProtection.Read, IommuModel.VtD), IommuModel.VtD, "0000:00:01.0"));
        Assert.Equal(
            ["AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:00:01.0 address=0x10000000 flags=0x0020]"],
            KernelFaultLog.Lines(Fault(0x1000_0000, IommuProtection.Write, IommuModel.AmdVi), IommuModel.AmdVi, "0000:00:01.0"));
    }

    [Theory]
    [InlineData("a\0b\u001b[1m\u0007c")]
    [InlineData("half \ud83d a pair")]
    [InlineData("<![CDATA[ ]]> & \" ' \uffff")]
    public void Reports_are_well_formed_whatever_the_text(string text)
    {
        _account.Take(new Refusal { Operation = text, Subject = text, Errno = Errno.EINVAL, Reason = text, Remedy = text });
        _account.Take(new Refusal { Operation = text, Subject = text, Errno = Errno.EPERM, Reason = text, Severity = TroubleSeverity.Note });
        _account.Fail(text);
        RunReport report = Report(text);

        using MemoryStream json = new();
        JsonReport.Write(report, json);
        using JsonDocument parsed = JsonDocument.Parse(json.ToArray());
        Assert.Equal(2, parsed.RootElement.GetProperty("refusals").GetArrayLength());

        using MemoryStream xml = new();
        JUnitReport.Write(report, xml);
        xml.Position = 0;
        Assert.Equal(2, XDocument.Load(xml).Descendants("failure").Count());
    }

    [Fact]
    public void Every_rule_that_a_sentence_may_name_has_its_text_in_the_program()
    {
        Assert.Equal("a group is handed over only where something checks who writes its MSIs; EPERM otherwise, unless allowed, and said", RuleText.Of("V3"));
        Assert.Equal("what cannot be served (undumpable clients, nested doorbells, set-uid programs) is said", RuleText.Of("T11"));
        foreach (string rule in (string[])["I1", "I10", "M1", "M11", "V1", "V7", "N1", "N5", "T1", "T4", "T5"])
        {
            Assert.False(string.IsNullOrEmpty(RuleText.Of(rule)), rule);
        }

        Assert.Null(RuleText.Of("X1"));
        Assert.Null(RuleText.Of(null));
    }

    private static Refusal Refused(int number) => new() { Operation = "o", Subject = $"container {number}", Errno = Errno.EINVAL, Reason = "r" };

    private static IommuFaultEvent Fault(ulong iova, IommuProtection access, IommuModel? model = null)
    {
        model ??= IommuModel.SmmuV3;
        return new("smmu", new StreamId(8), new Iova(iova), access, IommuFaultReason.Translation, model.NameOf(IommuFaultReason.Translation, access), model.CodeOf(IommuFaultReason.Translation, access));
    }

    private RunReport Report(string word) => new()
    {
        Command = [word],
        Started = _account.Started,
        Duration = 1,
        Status = 1,
        Error = _account.Error,
        Troubles = _account.Troubles,
        VectorsOf = static _ => [],
    };
}
