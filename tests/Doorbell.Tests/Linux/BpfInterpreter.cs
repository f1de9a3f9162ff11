using System.Buffers.Binary;
using Doorbell.Linux.Seccomp;

namespace Doorbell.Tests.Linux;

/// <summary>Runs a seccomp program on one system call, as the kernel would.</summary>
internal static class BpfInterpreter
{
    public static uint Run(ReadOnlySpan<BpfInstruction> program, uint architecture, uint number, params ReadOnlySpan<ulong> arguments) =>
        Run(program, architecture, number, out _, arguments);

    /// <param name="program">The program.</param>
    /// <param name="architecture">The caller's.</param>
    /// <param name="number">The call's.</param>
    /// <param name="isConstant">It looked at no argument, so that every call of that number ends the same way.</param>
    /// <param name="arguments">The call's.</param>
    public static uint Run(ReadOnlySpan<BpfInstruction> program, uint architecture, uint number, out bool isConstant, params ReadOnlySpan<ulong> arguments)
    {
        isConstant = true;

        // struct seccomp_data
        Span<byte> data = stackalloc byte[64];
        data.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(data, number);
        BinaryPrimitives.WriteUInt32LittleEndian(data[4..], architecture);
        for (int i = 0; i < arguments.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(data[(16 + (8 * i))..], arguments[i]);
        }

        uint accumulator = 0;
        for (int at = 0; ; at++)
        {
            BpfInstruction instruction = program[at];
            switch (instruction.Code)
            {
                case BpfInstruction.LoadWord:
                    Assert.True(instruction.K % 4 == 0 && instruction.K < 64, "the kernel refuses such a load");
                    isConstant &= instruction.K < 8;
                    accumulator = BinaryPrimitives.ReadUInt32LittleEndian(data[(int)instruction.K..]);
                    break;
                case BpfInstruction.And:
                    accumulator &= instruction.K;
                    break;
                case BpfInstruction.JumpAlways:
                    at += (int)instruction.K;
                    break;
                case BpfInstruction.JumpEqual:
                    at += accumulator == instruction.K ? instruction.JumpTrue : instruction.JumpFalse;
                    break;
                case BpfInstruction.JumpGreaterOrEqual:
                    at += accumulator >= instruction.K ? instruction.JumpTrue : instruction.JumpFalse;
                    break;
                case BpfInstruction.Return:
                    return instruction.K;
                default:
                    Assert.Fail($"instruction 0x{instruction.Code:x} is not one the filter is made of");
                    break;
            }
        }
    }
}
