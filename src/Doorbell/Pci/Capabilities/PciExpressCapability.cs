namespace Doorbell.Pci;

/// <summary>The PCI Express capability, version 2 (PCIe base 7.5.3): device type, device and link control, function level reset.</summary>
public sealed class PciExpressCapability : PciCapability
{
    /// <summary>PCI Express capabilities, 16 bits.</summary>
    public const int CapabilitiesRegister = 0x02;

    /// <summary>Device capabilities, 32 bits.</summary>
    public const int DeviceCapabilities = 0x04;

    /// <summary>Device control, 16 bits.</summary>
    public const int DeviceControl = 0x08;

    /// <summary>Device status, 16 bits.</summary>
    public const int DeviceStatus = 0x0a;

    /// <summary>Link capabilities, 32 bits.</summary>
    public const int LinkCapabilities = 0x0c;

    /// <summary>Link control, 16 bits.</summary>
    public const int LinkControl = 0x10;

    /// <summary>Link status, 16 bits.</summary>
    public const int LinkStatus = 0x12;

    /// <summary>Root control, 16 bits (root ports).</summary>
    public const int RootControl = 0x1c;

    /// <summary>Device capabilities 2, 32 bits.</summary>
    public const int DeviceCapabilities2 = 0x24;

    /// <summary>Device control 2, 16 bits.</summary>
    public const int DeviceControl2 = 0x28;

    /// <summary>Link capabilities 2, 32 bits.</summary>
    public const int LinkCapabilities2 = 0x2c;

    /// <summary>Link control 2, 16 bits.</summary>
    public const int LinkControl2 = 0x30;

    /// <summary>Bytes of the version 2 structure.</summary>
    public const int Size = 0x3c;

    /// <summary>In <see cref="DeviceCapabilities"/>: the function can be reset alone.</summary>
    public const uint FunctionLevelResetCapable = 1u << 28;

    /// <summary>In <see cref="DeviceControl"/>: resets the function; reads as zero.</summary>
    public const ushort InitiateFunctionLevelReset = 1 << 15;

    private const ushort Version = 2;
    private const int TypeShift = 4;
    private const uint RoleBasedErrorReporting = 1u << 15;
    private const uint MaxPayload256 = 1;

    // Relaxed ordering and no snoop enabled, read requests up to 512 bytes: the values after reset (7.5.3.4).
    private const ushort DeviceControlReset = 0x2810;

    // Error reporting enables, relaxed ordering, payload size, auxiliary power, no snoop, read request size; phantom functions and
    // extended tags are not offered.
    private const ushort DeviceControlWritable = 0x7cff;
    private const ushort DeviceStatusErrors = 0x000f;
    private const ushort LinkControlWritable = 0x00cb;
    private const ushort RootControlWritable = 0x001f;
    private const uint Speed2500 = 1;
    private const uint WidthX1 = 1u << 4;
    private const uint Supported2500 = 1u << 1;

    internal PciExpressCapability(PciFunction function, int offset)
        : base(function, offset)
    {
        Config.DefineWritable16(offset + DeviceControl, DeviceControlWritable);
        Config.DefineWriteOneToClear16(offset + DeviceStatus, DeviceStatusErrors);
        if (Length < Size)
        {
            return;
        }

        if (HasLink(Type))
        {
            Config.DefineWritable16(offset + LinkControl, LinkControlWritable);
        }

        if (Type == PciExpressType.RootPort)
        {
            Config.DefineWritable16(offset + RootControl, RootControlWritable);
        }
    }

    /// <inheritdoc/>
    /// <remarks>The version 1 structure of an endpoint ends before the second link registers.</remarks>
    public override int Length => (Config.Read16(Offset + CapabilitiesRegister) & 0xf) >= Version ? Size : 0x14;

    /// <summary>What the function is.</summary>
    public PciExpressType Type => (PciExpressType)((Config.Read16(Offset + CapabilitiesRegister) >> TypeShift) & 0xf);

    /// <summary>FLR works.</summary>
    public bool CanReset => (Config.Read32(Offset + DeviceCapabilities) & FunctionLevelResetCapable) != 0;

    /// <summary>Writes the registers into a configuration space under construction.</summary>
    internal static void Lay(PciConfigSpace config, PciExpressType type, bool functionLevelReset)
    {
        int offset = config.AddCapability(PciCapabilityId.PciExpress, Size);
        config.Define32(offset + DeviceCapabilities, MaxPayload256 | RoleBasedErrorReporting | (functionLevelReset ? FunctionLevelResetCapable : 0));
        config.Define16(offset + DeviceControl, DeviceControlReset);
        DefineType(config, offset, type);
    }

    /// <summary>An endpoint placed on a root bus is integrated in the root complex and has no link (PCIe base 1.3.2.3).</summary>
    internal void BecomeIntegrated()
    {
        if (Type is PciExpressType.Endpoint or PciExpressType.LegacyEndpoint)
        {
            DefineType(Config, Offset, PciExpressType.RootComplexIntegratedEndpoint);
            Config.DefineWritable16(Offset + LinkControl, 0);
        }
    }

    /// <inheritdoc/>
    internal override void OnReading() =>

        // Initiate FLR always reads as zero; requests complete before a register access can see them pending.
        Config.Set16(Offset + DeviceControl, (ushort)(Config.Read16(Offset + DeviceControl) & ~InitiateFunctionLevelReset));

    /// <summary>Tells from the bytes software writes whether it asks for a reset; the bit itself is never stored.</summary>
    /// <param name="offset">Where the write starts in configuration space.</param>
    /// <param name="source">Its bytes.</param>
    internal bool AsksForReset(int offset, ReadOnlySpan<byte> source)
    {
        int high = Offset + DeviceControl + 1 - offset;
        return CanReset && (uint)high < (uint)source.Length && (source[high] & (InitiateFunctionLevelReset >> 8)) != 0;
    }

    private static void DefineType(PciConfigSpace config, int offset, PciExpressType type)
    {
        config.Define16(offset + CapabilitiesRegister, (ushort)(Version | ((int)type << TypeShift)));
        bool link = HasLink(type);
        config.Define32(offset + LinkCapabilities, link ? Speed2500 | WidthX1 : 0);
        config.Define16(offset + LinkStatus, (ushort)(link ? Speed2500 | WidthX1 : 0));
        config.Define32(offset + LinkCapabilities2, link ? Supported2500 : 0);
        config.Define16(offset + LinkControl2, (ushort)(link ? Speed2500 : 0));
    }

    private static bool HasLink(PciExpressType type) =>
        type is not (PciExpressType.RootComplexIntegratedEndpoint or PciExpressType.RootComplexEventCollector);
}
