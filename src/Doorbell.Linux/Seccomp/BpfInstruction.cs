using System.Runtime.InteropServices;

namespace Doorbell.Linux.Seccomp;

/// <summary>struct sock_filter of linux/filter.h: one instruction of classic BPF.</summary>
/// <param name="Code">Operation.</param>
/// <param name="JumpTrue">Instructions to skip when a comparison holds.</param>
/// <param name="JumpFalse">Instructions to skip when it does not.</param>
/// <param name="K">Operand.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct BpfInstruction(ushort Code, byte JumpTrue, byte JumpFalse, uint K)
{
    internal const ushort LoadWord = 0x20;
    internal const ushort And = 0x54;
    internal const ushort JumpAlways = 0x05;
    internal const ushort JumpEqual = 0x15;
    internal const ushort JumpGreater = 0x25;
    internal const ushort JumpGreaterOrEqual = 0x35;
    internal const ushort JumpAnyBit = 0x45;
    internal const ushort Return = 0x06;
}
