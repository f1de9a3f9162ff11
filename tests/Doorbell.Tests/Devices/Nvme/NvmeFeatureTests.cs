using Doorbell.Devices;
using static Doorbell.Tests.Devices.NvmeHost;

namespace Doorbell.Tests.Devices;

/// <summary>Set Features and Get Features (NVMe 1.4, 5.14, 5.21): scope, select, save.</summary>
public class NvmeFeatureTests
{
    private const uint All = 0xffff_ffff;

    private readonly RecordingBackend _backend = new(new MemoryBlockBackend(1 << 20));
    private readonly NvmeHost _host;

    public NvmeFeatureTests()
    {
        _host = new NvmeHost([_backend, new MemoryBlockBackend(1 << 20)]);
        _host.EnableMsiX();
        _host.EnableController();
    }

    [Theory]
    [InlineData(0x06u, 1u, 0x10f)]
    [InlineData(0x06u, 3u, 0x00b)]
    [InlineData(0x06u, All, 0)]
    [InlineData(0x06u, 0u, 0)]
    [InlineData(0x05u, 0u, 0x00b)]
    [InlineData(0x05u, 3u, 0x00b)]
    [InlineData(0x05u, 2u, 0)]
    [InlineData(0x05u, All, 0)]
    public void A_feature_is_set_in_its_own_scope(uint feature, uint nsid, int code) => Assert.Equal(code, Set(feature, 1, nsid).Code);

    [Theory]
    [InlineData(0x05u, 0u, 0x00b)]
    [InlineData(0x05u, All, 0x00b)]
    [InlineData(0x05u, 1u, 0)]
    [InlineData(0x06u, All, 0)]
    [InlineData(0x06u, 3u, 0x00b)]
    public void A_feature_is_read_in_its_own_scope(uint feature, uint nsid, int code) => Assert.Equal(code, Get(feature, nsid: nsid).Code);

    [Fact]
    public void Error_recovery_is_each_namespaces_own()
    {
        Assert.Equal(0, Set(5, 20, nsid: 2).Code);
        Assert.Equal((0u, 20u), (Get(5, nsid: 1).Result, Get(5, nsid: 2).Result));
        Assert.Equal(0, Set(5, 30, nsid: All).Code);
        Assert.Equal((30u, 30u), (Get(5, nsid: 1).Result, Get(5, nsid: 2).Result));
        Assert.Equal(0x002, Set(5, 1 << 16, nsid: 1).Code);
        _host.EnableController();
        Assert.Equal(0u, Get(5, nsid: 2).Result);
    }

    [Theory]
    [InlineData(0x01u, 0x0102_0304u, 0u)]
    [InlineData(0x04u, 300u, 343u)]
    [InlineData(0x06u, 0u, 1u)]
    [InlineData(0x08u, 0x0a0bu, 0u)]
    [InlineData(0x09u, 0x0001_0003u, 3u)]
    [InlineData(0x0au, 1u, 0u)]
    [InlineData(0x0bu, 0xffu, 0u)]
    public void The_default_and_the_saved_value_stay_what_they_are_whatever_the_current_one_is(uint feature, uint value, uint standard)
    {
        uint which = feature == 9 ? 3u : 0;
        Assert.Equal(0, Set(feature, value).Code);
        Assert.Equal(value, Get(feature, cdw11: which).Result);
        Assert.Equal(standard, Get(feature | 0x100, cdw11: which).Result);
        Assert.Equal(standard, Get(feature | 0x200, cdw11: which).Result);
    }

    [Fact]
    public void Features_can_be_changed_and_not_saved()
    {
        foreach (uint feature in new uint[] { 1, 2, 4, 5, 6, 7, 8, 9, 10, 11 })
        {
            Assert.Equal((0, feature == 5 ? 6u : 4u), (Get(feature | 0x300).Code, Get(feature | 0x300).Result));
            Assert.Equal(0x10d, Set(feature | (1u << 31), 0, feature == 5 ? 1u : 0).Code);
        }

        Assert.Equal(0x002, Get(0x401).Code);
        Assert.Equal(0x002, Get(0x30c).Code);
        Assert.Equal(0x002, Set(0x03, 0, 1).Code);
        Assert.Equal(0x002, Set(0x02, 1).Code);
    }

    [Fact]
    public void Turning_the_write_cache_off_flushes_it()
    {
        Assert.Equal(0, Set(6, 0).Code);
        Assert.Equal(1, _backend.Flushes);
        Assert.Equal(0, Set(6, 1).Code);
        Assert.Equal(1, _backend.Flushes);
    }

    [Fact]
    public void A_threshold_below_the_temperature_is_an_event_once_until_the_health_log_is_read_and_where_it_is_wanted()
    {
        Assert.Equal(0, Set(4, 290).Code);
        ushort first = _host.Submit(0, new Command { Opcode = 12 });
        ushort second = _host.Submit(0, new Command { Opcode = 12 });
        _host.Ring(0);
        Assert.Null(_host.Poll(0));

        Quietly(11, 2);
        Completion[] done = [_host.Poll(0)!.Value, _host.Poll(0)!.Value];
        Completion warning = done.Single(completion => completion.CommandId == first);
        Assert.Equal(0x0002_0101u, warning.Result);
        Assert.Equal(0, Set(4, 291).Code);
        Assert.Null(_host.Poll(0));

        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x007f_8002 }).Code);
        Assert.Equal(2, _host.Memory.At(Page, 1)[0]);
        Assert.Equal(0, Set(4, 292).Code);
        Assert.Null(_host.Poll(0));

        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x007f_0002 }).Code);
        Quietly(4, 280);
        done = [_host.Poll(0)!.Value, _host.Poll(0)!.Value];
        Assert.Contains(done, completion => completion.CommandId == second && completion.Result == 0x0002_0101u);

        Assert.Equal(0, Set(4, 343).Code);
        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x007f_0002 }).Code);
        Assert.Equal(0, _host.Memory.At(Page, 1)[0]);
    }

    private void Quietly(uint feature, uint value)
    {
        _host.Submit(0, new Command { Opcode = 9, Cdw10 = feature, Cdw11 = value });
        _host.Ring(0);
    }

    private Completion Set(uint feature, uint value, uint nsid = 0) => _host.Admin(new Command { Opcode = 9, Nsid = nsid, Cdw10 = feature, Cdw11 = value });

    private Completion Get(uint feature, uint nsid = 0, uint cdw11 = 0) => _host.Admin(new Command { Opcode = 10, Nsid = nsid, Cdw10 = feature, Cdw11 = cdw11 });
}
