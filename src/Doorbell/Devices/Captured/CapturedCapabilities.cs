using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>Sees that the capabilities in captured bytes are whole, and puts what was running on the function back to its state after a reset.</summary>
internal static class CapturedCapabilities
{
    private const int PerVectorMaskLength = 0x18;
    private const int ExpressVersion1Length = 0x14;
    private const ushort MsiSoftwareBits = 0x0071;
    private const ushort DeviceStatusErrors = 0x000f;

    public static Result StartOver(string name, byte[] bytes, IReadOnlyList<PciBarDescription> bars)
    {
        var view = new PciConfigSpace(bytes);
        foreach (int offset in view.Capabilities())
        {
            Span<byte> capability = bytes.AsSpan(offset, PciHeader.ConventionalSize - offset);
            int length = Length(capability);
            if (length > capability.Length)
            {
                return Result.Fail(Errno.EINVAL, $"{name}: capability 0x{capability[0]:x2} at 0x{offset:x2} ends beyond configuration space: expected a whole one.");
            }

            Result done = StartOver(name, capability, bars);
            if (!done.IsOk)
            {
                return done;
            }
        }

        foreach (int offset in view.ExtendedCapabilities())
        {
            if (view.Read16(offset) == PciExtendedCapabilityId.AccessControlServices && offset + AcsCapability.Size > bytes.Length)
            {
                return Result.Fail(Errno.EINVAL, $"{name}: the ACS capability at 0x{offset:x3} ends beyond configuration space: expected a whole one.");
            }
        }

        // A port goes on forwarding; a device waits for its driver to switch it on. Errors seen elsewhere are not told here.
        if (!CapturedFunction.IsBridgeHeader(bytes))
        {
            bytes.AsSpan(PciHeader.Command, 2).Clear();
        }

        Clear16(bytes, PciHeader.Status, (ushort)(PciStatus.WriteOneToClear | PciStatus.InterruptStatus));
        return Result.Ok;
    }

    private static Result StartOver(string name, Span<byte> capability, IReadOnlyList<PciBarDescription> bars)
    {
        switch (capability[0])
        {
            case PciCapabilityId.PowerManagement:
                Clear16(capability, PowerManagementCapability.ControlStatus, PowerManagementCapability.PowerStateMask);
                break;
            case PciCapabilityId.Msi:
                Clear16(capability, MsiCapability.MessageControl, MsiSoftwareBits);
                capability[MsiCapability.MessageAddress..Length(capability)].Clear();
                break;
            case PciCapabilityId.MsiX:
                Clear16(capability, MsiXCapability.MessageControl, MsiXCapability.EnableBit | MsiXCapability.FunctionMaskBit);
                return CheckMsiX(name, capability, bars);
            case PciCapabilityId.PciExpress:
                Clear16(capability, PciExpressCapability.DeviceControl, PciExpressCapability.InitiateFunctionLevelReset);
                Clear16(capability, PciExpressCapability.DeviceStatus, DeviceStatusErrors);
                break;
        }

        return Result.Ok;
    }

    // The table must be somewhere that can be written, or the function could not be given an interrupt.
    private static Result CheckMsiX(string name, ReadOnlySpan<byte> capability, IReadOnlyList<PciBarDescription> bars)
    {
        int vectors = (Read16(capability, MsiXCapability.MessageControl) & MsiXCapability.TableSizeMask) + 1;
        (int Register, long Length, string What)[] parts =
        [
            (MsiXCapability.TableRegister, (long)vectors * MsiXCapability.EntrySize, "table"),
            (MsiXCapability.PbaRegister, (vectors + 63) / 64 * 8, "pending bits"),
        ];
        foreach ((int register, long length, string what) in parts)
        {
            uint value = Read16(capability, register) | ((uint)Read16(capability, register + 2) << 16);
            int index = (int)(value & MsiXCapability.BarIndicatorMask);
            uint start = value & ~MsiXCapability.BarIndicatorMask;
            PciBarDescription bar = bars.FirstOrDefault(bar => bar.Index == index);
            if (bar.Size == 0 || bar.Kind == PciBarKind.Io || start + (ulong)length > bar.Size)
            {
                return Result.Fail(Errno.EINVAL, $"{name}: the MSI-X {what} at 0x{start:x} of BAR {index} ({length} bytes) lies in no memory BAR there is: expected BAR {index} with a size that holds it.");
            }
        }

        return Result.Ok;
    }

    private static int Length(ReadOnlySpan<byte> capability) => capability[0] switch
    {
        PciCapabilityId.PowerManagement => PowerManagementCapability.Size,
        PciCapabilityId.Msi when capability.Length >= 4 => MsiLength(Read16(capability, MsiCapability.MessageControl)),
        PciCapabilityId.MsiX => MsiXCapability.Size,
        PciCapabilityId.PciExpress => (capability[PciExpressCapability.CapabilitiesRegister] & 0xf) >= 2 ? PciExpressCapability.Size : ExpressVersion1Length,
        _ => 2,
    };

    private static int MsiLength(ushort control)
    {
        bool wide = (control & MsiCapability.Address64Bit) != 0;
        bool masks = (control & MsiCapability.PerVectorMaskBit) != 0;
        return (masks ? PerVectorMaskLength : 0x0e) - (wide ? 0 : 4);
    }

    private static ushort Read16(ReadOnlySpan<byte> bytes, int offset) => (ushort)(bytes[offset] | (bytes[offset + 1] << 8));

    private static void Clear16(Span<byte> bytes, int offset, ushort bits)
    {
        bytes[offset] &= (byte)~bits;
        bytes[offset + 1] &= (byte)~(bits >> 8);
    }
}
