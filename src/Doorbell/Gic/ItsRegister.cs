namespace Doorbell.Gic;

/// <summary>Registers of an ITS's control frame by their offsets, and their fields (IHI 0069, 12.19).</summary>
public static class ItsRegister
{
    /// <summary>GITS_CTLR, 32 bits: <see cref="CtlrEnabled"/>, <see cref="CtlrQuiescent"/>.</summary>
    public const ulong Ctlr = 0x0000;

    /// <summary>GITS_IIDR, 32 bits, read only: who made it.</summary>
    public const ulong Iidr = 0x0004;

    /// <summary>GITS_TYPER, 64 bits, read only: what it can do.</summary>
    public const ulong Typer = 0x0008;

    /// <summary>GITS_CBASER, 64 bits: where the command queue is.</summary>
    public const ulong Cbaser = 0x0080;

    /// <summary>GITS_CWRITER, 64 bits: the first byte of the queue that software has not written.</summary>
    public const ulong Cwriter = 0x0088;

    /// <summary>GITS_CREADR, 64 bits, read only: the first byte of the queue that the ITS has not executed.</summary>
    public const ulong Creadr = 0x0090;

    /// <summary>GITS_BASER0, 64 bits; seven more follow.</summary>
    public const ulong Baser = 0x0100;

    /// <summary>GITS_PIDR2, 32 bits, read only: the architecture's revision in bits 7:4.</summary>
    public const ulong Pidr2 = 0xffe8;

    /// <summary>How many GITS_BASERn there are.</summary>
    public const int Basers = 8;

    /// <summary>GITS_CTLR: translations and commands are worked on.</summary>
    public const uint CtlrEnabled = 1;

    /// <summary>GITS_CTLR, read only: nothing is under way.</summary>
    public const uint CtlrQuiescent = 1u << 31;

    /// <summary>GITS_CBASER and GITS_BASERn: software has given the memory.</summary>
    public const ulong Valid = 1UL << 63;

    /// <summary>GITS_CBASER: pages of 4 KiB, less one.</summary>
    public const ulong CbaserSizeMask = 0xff;

    /// <summary>GITS_CBASER: the queue's address, 4 KiB aligned.</summary>
    public const ulong CbaserAddressMask = 0x000f_ffff_ffff_f000;

    /// <summary>GITS_CWRITER and GITS_CREADR: the byte, a multiple of 32.</summary>
    public const ulong QueueOffsetMask = 0xf_ffe0;

    /// <summary>GITS_CWRITER: go on with the command the queue has stalled at.</summary>
    public const ulong CwriterRetry = 1;

    /// <summary>GITS_CREADR: the command there has an error, and nothing is executed until software retries.</summary>
    public const ulong CreadrStalled = 1;

    /// <summary>GITS_TYPER: bytes of an ITT entry, less one, in bits 7:4.</summary>
    public const int TyperIttEntrySizeShift = 4;

    /// <summary>GITS_TYPER: bits of EventID, less one, in bits 12:8.</summary>
    public const int TyperIdBitsShift = 8;

    /// <summary>GITS_TYPER: bits of DeviceID, less one, in bits 17:13.</summary>
    public const int TyperDevbitsShift = 13;

    /// <summary>GITS_TYPER: collections it keeps without a table, in bits 31:24.</summary>
    public const int TyperHccShift = 24;

    /// <summary>GITS_TYPER: bits of ICID, less one, in bits 35:32, as bit 36 says.</summary>
    public const int TyperCidBitsShift = 32;
}
