namespace Doorbell.Linux.Seccomp;

/// <summary>Puts BPF programs together: comparisons jump forward to named labels.</summary>
internal sealed class BpfAssembler
{
    private readonly List<(ushort Code, uint K, string? Target)> _code = [];
    private readonly Dictionary<string, int> _labels = [];

    /// <summary>Loads a word of struct seccomp_data.</summary>
    internal BpfAssembler Load(int offset) => Add(BpfInstruction.LoadWord, (uint)offset, null);

    /// <summary>Keeps some bits of the loaded word.</summary>
    internal BpfAssembler And(uint mask) => Add(BpfInstruction.And, mask, null);

    /// <summary>Goes to the label when the loaded word is <paramref name="value"/>; on otherwise.</summary>
    internal BpfAssembler IfEqual(uint value, string target) => Add(BpfInstruction.JumpEqual, value, target);

    /// <summary>Goes to the label when the loaded word, unsigned, is at least <paramref name="value"/>; on otherwise.</summary>
    internal BpfAssembler IfAtLeast(uint value, string target) => Add(BpfInstruction.JumpGreaterOrEqual, value, target);

    /// <summary>Goes to the label.</summary>
    internal BpfAssembler Goto(string target) => Add(BpfInstruction.JumpAlways, 0, target);

    /// <summary>Ends with a verdict.</summary>
    internal BpfAssembler Return(uint verdict) => Add(BpfInstruction.Return, verdict, null);

    /// <summary>The next instruction's name.</summary>
    internal BpfAssembler Label(string name)
    {
        _labels.Add(name, _code.Count);
        return this;
    }

    /// <summary>The program.</summary>
    internal BpfInstruction[] Build()
    {
        var program = new BpfInstruction[_code.Count];
        for (int i = 0; i < program.Length; i++)
        {
            (ushort code, uint k, string? target) = _code[i];
            int skip = target is null ? 0 : _labels[target] - i - 1;
            if (skip is < 0 or > byte.MaxValue)
            {
                throw new InvalidOperationException($"BPF jump from {i} to {target} is out of reach");
            }

            program[i] = code == BpfInstruction.JumpAlways
                ? new BpfInstruction(code, 0, 0, (uint)skip)
                : new BpfInstruction(code, (byte)skip, 0, k);
        }

        return program;
    }

    private BpfAssembler Add(ushort code, uint k, string? target)
    {
        _code.Add((code, k, target));
        return this;
    }
}
