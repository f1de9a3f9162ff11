using Doorbell.Fabric;
using Doorbell.Msi;
using Doorbell.Tests.Msi;
using FsCheck;
using FsCheck.Fluent;

namespace Doorbell.Tests.X86;

/// <summary>Random control operations on three devices; after each, every message that is held arrives where it was armed and nobody else's write does.</summary>
public class X86ModelTests
{
    private const int Devices = 3;
    private const int Vectors = 4;
    private const int Cpus = 2;

    public static TheoryData<string> Kinds => ["apic", "vt-d", "amd-vi"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void N4_Whatever_was_done_an_MSI_reaches_the_vector_it_was_armed_for(string kind) => Prop.ForAll(
        ArbMap.Default.ArbFor<byte[]>(),
        operations =>
        {
            var board = new Model(kind);
            foreach (byte operation in operations)
            {
                board.Do(operation);
                board.Check();
            }

            board.FreeAll();
        }).QuickCheckThrowOnFailure();

    private sealed class Model
    {
        private readonly X86Rig _rig;
        private readonly bool _isolates;
        private readonly X86Rig.X86Device[] _devices = [.. Enumerable.Range(0, Devices).Select(static i => new X86Rig.X86Device((ushort)((i + 1) << 8)))];
        private readonly MsiDeviceVectors[] _vectors;
        private readonly CountingHandler[] _handlers = [.. Enumerable.Range(0, Devices).Select(static _ => new CountingHandler())];
        private readonly bool[,] _armed = new bool[Devices, Vectors];

        public Model(string kind)
        {
            _rig = kind switch
            {
                "apic" => X86Rig.Plain(cpus: Cpus),
                "vt-d" => X86Rig.WithVtd(cpus: Cpus),
                _ => X86Rig.WithAmd(),
            };
            _isolates = kind != "apic";
            _rig.StopListening();
            _vectors = [.. _devices.Select(_rig.Msi.CreateDeviceVectors)];
        }

        /// <summary>The byte says which device, which vector and what.</summary>
        public void Do(byte operation)
        {
            int device = operation % Devices;
            int vector = (operation / Devices) % Vectors;
            MsiDeviceVectors vectors = _vectors[device];
            switch ((operation / (Devices * Vectors)) % 5)
            {
                case 0:
                    Assert.Equal(vectors.Kind is null, vectors.Allocate(MsiKind.MsiX, Vectors).IsOk);
                    break;
                case 1:
                    bool could = vectors.Kind is not null && !_armed[device, vector];
                    Assert.Equal(could, vectors.Request(vector, _handlers[device]).IsOk);
                    _armed[device, vector] |= could;
                    break;
                case 2:
                    vectors.FreeIrq(vector);
                    _armed[device, vector] = false;
                    break;
                case 3:
                    Assert.Equal(vectors.Kind is not null, vectors.SetAffinity(vector, operation % Cpus).IsOk);
                    break;
                default:
                    vectors.FreeAll();
                    Forget(device);
                    break;
            }
        }

        public void Check()
        {
            for (int device = 0; device < Devices; device++)
            {
                for (int vector = 0; vector < Vectors; vector++)
                {
                    if (_armed[device, vector])
                    {
                        Arrives(device, vector);
                    }
                }
            }
        }

        public void FreeAll()
        {
            for (int device = 0; device < Devices; device++)
            {
                _vectors[device].FreeAll();
                Assert.All(_devices[device].Held.Values, static message => Assert.Equal(default, message));
                Forget(device);
            }

            // Everything went back: each device can have all it had.
            Assert.All(_vectors, static vectors => Assert.True(vectors.Allocate(MsiKind.MsiX, Vectors).IsOk));
        }

        private void Arrives(int device, int vector)
        {
            int before = _handlers[device][vector];
            int all = _handlers.Sum(static handler => handler.Total);
            Assert.Equal(BusWriteOutcome.Delivered, _rig.Send(_devices[device], vector));
            Assert.Equal((before + 1, all + 1), (_handlers[device][vector], _handlers.Sum(static handler => handler.Total)));

            // The same words by another device raise none of this device's interrupts behind a unit that remaps.
            int foreign = (device + 1) % Devices;
            int own = _handlers[device].Total;
            MsiMessage message = _devices[device].Held[vector];
            _rig.Write((ushort)_devices[foreign].DeviceId.Value, message.Address, message.Data);
            Assert.Equal(_isolates ? own : own + 1, _handlers[device].Total);
        }

        private void Forget(int device)
        {
            for (int vector = 0; vector < Vectors; vector++)
            {
                _armed[device, vector] = false;
            }
        }
    }
}
