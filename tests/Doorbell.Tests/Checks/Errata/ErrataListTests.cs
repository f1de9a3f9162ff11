using Doorbell.Checks.Errata;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Tests.Checks.Errata;

/// <summary>Errata are data with a source each, and are found by what the facts of a host name.</summary>
public class ErrataListTests
{
    private static readonly Evidence Somewhere = new("/sys");

    [Fact]
    public void Each_erratum_says_what_it_means_and_where_it_was_read()
    {
        Assert.NotEmpty(ErrataList.All);
        foreach (Erratum erratum in ErrataList.All)
        {
            Assert.True(erratum.Source.Length > 20 && erratum.Sentence.Length > 20, erratum.Id);
            Assert.DoesNotContain(ErrataList.All, other => other != erratum && other.Id == erratum.Id);
        }
    }

    [Theory]
    [InlineData("HiSilicon Hi161x", "hisilicon-161010801")]
    [InlineData("Cavium CN99xx", null)]
    [InlineData("mmu-500", null)]
    [InlineData(null, null)]
    public void I1_An_SMMU_that_cannot_translate_MSIs_is_known_by_its_product(string? product, string? id)
    {
        FirmwareIommu iommu = new() { Name = "smmu", Model = SmmuModel.SmmuV3, Product = product, Evidence = Somewhere };

        Assert.Equal(id, ErrataList.For(iommu).SingleOrDefault()?.Id);
    }

    [Fact]
    public void I1_What_such_an_SMMU_reserves_is_the_ITSs_frame_as_hardware_MSI_range() =>
        Assert.Equal(new ReservedRegion(new Iova(0xc601_0000), 0x1_0000, ReservedRegionType.Msi), Erratum.RegionOf(0xc601_0040));

    [Theory]
    [InlineData("socionext,synquacer-pre-its", "socionext-pre-its")]
    [InlineData("apm,xgene1-msi", "apm-xgene1-msi")]
    [InlineData("fsl,ls1046a-msi", "fsl-ls-scfg-msi")]
    [InlineData("arm,gic-v3-its", null)]
    public void M2_A_controller_that_does_not_look_at_who_writes_is_known_by_its_product(string product, string? id)
    {
        FirmwareMsiController controller = new("msi", FirmwareMsiKind.Other, 0, Somewhere) { Product = product };

        Erratum? found = ErrataList.For(controller).SingleOrDefault();
        Assert.Equal(id, found?.Id);
        Assert.True(found is null || found.Effect == ErratumEffect.NotIsolated);
    }

    [Theory]
    [InlineData(0x3403, 0x12, true)]
    [InlineData(0x3406, 0x13, true)]
    [InlineData(0x3406, 0x22, false)]
    [InlineData(0x3405, 0x22, true)]
    [InlineData(0x3405, 0x21, false)]
    [InlineData(0x3404, 0x13, false)]
    public void M2_A_chipset_whose_remapping_the_kernel_leaves_off_concerns_its_whole_host(int device, int revision, bool isBroken)
    {
        byte[] config = new byte[64];
        config[8] = (byte)revision;
        HostFunction function = new() { Address = default, Evidence = Somewhere, VendorId = 0x8086, DeviceId = (ushort)device, ClassCode = 0x060000, Config = config };

        Erratum? found = ErrataList.For(function).SingleOrDefault();

        Assert.Equal(isBroken, found is { Scope: ErratumScope.Host, Effect: ErratumEffect.NotIsolated });
        Assert.Empty(ErrataList.For(function with { ClassCode = 0x020000 }));
        Assert.Empty(ErrataList.For(function with { Config = default }));
    }

    [Fact]
    public void Graphics_that_the_kernel_leaves_untranslated_are_known_by_their_host_bridge()
    {
        HostFunction function = new() { Address = default, Evidence = Somewhere, VendorId = 0x8086, DeviceId = 0x2a40, ClassCode = 0x060000 };

        Assert.Equal((ErratumScope.Graphics, ErratumEffect.NotTranslated), (ErrataList.For(function).Single().Scope, ErrataList.For(function).Single().Effect));
        Assert.Empty(ErrataList.For(function with { VendorId = 0x1022 }));
    }

    [Theory]
    [InlineData("msi-products: [x]", "msi-products: []", "msi-products")]
    [InlineData("msi-products: [x]", "vendor: 0x8086", "expected one of")]
    [InlineData("msi-products: [x]", "vendor: 0x8086\n    devices: [0x10000]", "devices")]
    [InlineData("effect: not-isolated", "effect: fine", "effect")]
    [InlineData("source: z", "source: z\n    colour: red", "colour")]
    public void A_list_with_a_mistake_is_refused_with_its_line_and_key(string right, string wrong, string key)
    {
        const string List = "errata:\n  - id: a\n    title: A\n    msi-products: [x]\n    effect: not-isolated\n    sentence: y\n    source: z\n";
        Assert.True(ErrataYaml.Read("e.yaml", List).IsOk);

        Result<IReadOnlyList<Erratum>> read = ErrataYaml.Read("e.yaml", List.Replace(right, wrong, StringComparison.Ordinal));

        Assert.Equal(Errno.EINVAL, read.Errno);
        Assert.Contains(key, read.Reason, StringComparison.Ordinal);
    }
}
