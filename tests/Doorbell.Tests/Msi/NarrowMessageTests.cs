using Doorbell.Devices;
using Doorbell.Iommu;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Tests.Devices;

namespace Doorbell.Tests.Msi;

/// <summary>M9: a function whose MSI has 32 bits of address, and doorbells above and below 4 GiB.</summary>
public class NarrowMessageTests
{
    private static readonly StreamId Stream = new(0x100);
    private static readonly Iova High = new(0x1_0000_0000);
    private static readonly Iova Low = new(0x800_0000);

    [Theory]
    [InlineData(MappingPoint.Alloc)]
    [InlineData(MappingPoint.Activate)]
    public void M9_A_doorbell_above_4_GiB_is_EIO_for_a_function_with_32_bits_and_nothing_is_left(MappingPoint point)
    {
        TestBoard board = TestBoard.WithIts(point);
        IommuDomain domain = WithWindow(board, High);
        Assert.True(board.Smmu.Attach(Stream, domain).IsOk);
        PciFunction function = Narrow();
        MsiDeviceVectors vectors = Vectors(board, function);
        Result allocated = vectors.Allocate(MsiKind.Msi, 1);
        Result armed = allocated.IsOk ? vectors.Request(0, new CountingHandler()) : allocated;
        Assert.Equal(Errno.EIO, armed.Errno);
        Assert.Contains("32 bits", armed.Reason, StringComparison.Ordinal);
        vectors.Dispose();
        Assert.Equal(0, domain.ReservedIovas!.ReferenceCount);
        Assert.False(function.Msi!.IsEnabled);
        Assert.Equal((0u, 0u, 0u), function.Msi.ReadBack());
    }

    [Fact]
    public void M9_The_same_function_takes_one_below_and_MSI_X_takes_any()
    {
        TestBoard board = TestBoard.WithIts();
        PciFunction function = Narrow();
        MsiDeviceVectors vectors = Vectors(board, function);
        Assert.True(board.Smmu.Attach(Stream, WithWindow(board, Low)).IsOk);
        Assert.True(vectors.Allocate(MsiKind.Msi, 1).IsOk);
        Assert.True(vectors.Request(0, new CountingHandler()).IsOk);
        Assert.Equal(0x800_0040u, function.Msi!.ReadBack().AddressLo);
        vectors.FreeAll();
        Assert.True(board.Smmu.Attach(Stream, WithWindow(board, High)).IsOk);
        Assert.True(vectors.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.True(vectors.Request(0, new CountingHandler()).IsOk);
        Assert.Equal(1u, function.MsiX!.ReadEntry(0).AddressHi);
    }

    [Fact]
    public void I9_Armed_it_does_not_move_to_a_domain_whose_doorbells_it_cannot_name()
    {
        TestBoard board = TestBoard.WithIts();
        IommuDomain low = WithWindow(board, Low);
        IommuDomain high = WithWindow(board, High);
        Assert.True(board.Smmu.Attach(Stream, low).IsOk);
        PciFunction function = Narrow();
        MsiDeviceVectors vectors = Vectors(board, function);
        Assert.True(vectors.Allocate(MsiKind.Msi, 1).IsOk);
        Assert.True(vectors.Request(0, new CountingHandler()).IsOk);
        Assert.Equal(Errno.EIO, vectors.PrepareMove(high).Errno);
        Assert.Equal((1L, 0L), (low.ReservedIovas!.ReferenceCount, high.ReservedIovas!.ReferenceCount));
        Assert.Equal(0x800_0040u, function.Msi!.ReadBack().AddressLo);
        vectors.Dispose();
        Assert.True(low.IsEmpty);
    }

    private static MsiDeviceVectors Vectors(TestBoard board, PciFunction function) =>
        board.Msi.CreateDeviceVectors(new PciMsiDevice(function, new DeviceId(Stream.Value), board.Smmu.GetStream(Stream)));

    private static IommuDomain WithWindow(TestBoard board, Iova window)
    {
        IommuDomain domain = board.Smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.AllocateReservedIovaDomain(window, 0x10_0000, 12).IsOk);
        return domain;
    }

    // QEMU's igb with the bit of its MSI cleared that says "64-bit address".
    private static PciFunction Narrow()
    {
        byte[] config = VirtCapture.Find("0000:01:00.0").Function.Config.ToArray();
        config[0x50 + MsiCapability.MessageControl] &= 0x7f;
        Result<CapturedFunction> captured = CapturedFunction.Create("igb", config, [0x2_0000, 0x2_0000, 0x20, 0x4000]);
        Assert.True(captured.IsOk, captured.Reason);
        return new PciFunction(new PciAddress(0, 1, 0, 0), new CapturedDevice(captured.Value));
    }
}
