using Doorbell.Devices;
using Doorbell.Pci;

namespace Doorbell.Tests.Devices;

/// <summary>Registers behind a captured function that a client has mapped.</summary>
public class CapturedRegistersTests
{
    // An e1000e's IMC, IMS and ICS: an earlier store that is found late would mask what a later one has raised.
    private static readonly uint[] _program = [0xd8, 0xd0, 0xc8];

    [Fact]
    public void T5_Stores_are_taken_in_the_drivers_order_whenever_they_come_between_two_looks()
    {
        // Before which of the device's looks each of the three stores is made: every way there is.
        for (int first = 0; first < 8; first++)
        {
            for (int second = first; second < 8; second++)
            {
                for (int third = second; third < 8; third++)
                {
                    var device = new Recorder();
                    var function = new PciFunction(new PciAddress(0, 1, 0, 0), device);
                    function.SetCommand(PciCommand.MemorySpace | PciCommand.BusMaster);
                    var memory = new BusyMemory([first, second, third]);
                    device.OnMapped(device.MappableRanges[0], memory);
                    for (int polls = 0; polls < 4; polls++)
                    {
                        device.Poll();
                    }

                    Assert.True(_program.SequenceEqual(device.Taken), $"{first} {second} {third}: {string.Join(' ', device.Taken)}");
                }
            }
        }
    }

    private sealed class Recorder() : CapturedRegisters(VirtCapture.Find("0000:00:04.0").Function)
    {
        public List<uint> Taken { get; } = [];

        protected override ReadOnlySpan<uint> Acting => _program;

        protected override void Write(uint offset, uint value) => Taken.Add(offset);
    }

    /// <summary>A client that stores while the device looks.</summary>
    private sealed class BusyMemory(int[] before) : IPciSharedMemory
    {
        private readonly byte[] _bytes = new byte[0x1000];
        private int _looks;
        private int _stored;

        public void Read(int bar, ulong offset, Span<byte> destination)
        {
            while (_stored < before.Length && before[_stored] <= _looks)
            {
                _bytes[_program[_stored++]] = 1;
            }

            _looks++;
            _bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);
        }

        public void Write(int bar, ulong offset, ReadOnlySpan<byte> source) => source.CopyTo(_bytes.AsSpan((int)offset));
    }
}
