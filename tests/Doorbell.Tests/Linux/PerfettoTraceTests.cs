using Doorbell.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Linux.Reporting;
using Doorbell.Linux.Tracing;
using Doorbell.Msi;
using Doorbell.Msi.Events;

namespace Doorbell.Tests.Linux;

/// <summary>The trace is decoded by the numbers of Perfetto's own .proto files, and judged by what they say a reader does with it.</summary>
public sealed class PerfettoTraceTests : IDisposable
{
    private readonly EventStream _events = new();
    private readonly MemoryStream _file = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    public void A_device_its_vectors_and_domains_have_tracks_that_are_described_before_they_are_used()
    {
        using (var trace = new PerfettoTrace(_file, _events, () => MachineNames.None, Fail))
        {
            _events.Emit(Vector(MsiVectorChange.Alloc, 3));
            _events.Emit(Vector(MsiVectorChange.Arm, 3));
            _events.Emit(new IommuMapEvent("smmu", 1, new Iova(0x1000), new PhysicalAddress(0x2000), 0x3000, IommuProtection.Write));
            _events.Emit(new IommuUnmapEvent("smmu", 1, new Iova(0x1000), 0x1000, 0x1000));
            _events.Emit(new ClientIoctl(Environment.ProcessId, "container 1", "VFIO_IOMMU_MAP_DMA", 0x10, "0"));
            _events.Emit(Vector(MsiVectorChange.Disarm, 3));
            _events.Emit(Vector(MsiVectorChange.Free, 3));
        }

        Decoded decoded = Decoded.Of(_file.ToArray());
        ulong device = decoded.TrackNamed("0000:01:00.0");
        ulong vector = decoded.TrackNamed("vector 3");
        ulong domain = decoded.TrackNamed("smmu domain 1");
        Assert.Equal(device, decoded.Parents[vector]);
        Assert.Equal(domain, decoded.Parents[decoded.TrackNamed("mapped")]);
        Assert.Equal(["B allocated", "B armed", "E", "E"], decoded.On(vector));
        Assert.Equal(["I iommu.map", "I iommu.unmap"], decoded.On(domain));
        Assert.Equal(["C 12288", "C 8192"], decoded.On(decoded.TrackNamed("mapped")));
        ulong thread = Assert.Single(decoded.Threads, thread => thread.Value == (ulong)Environment.ProcessId).Key;
        Assert.Equal(["B VFIO_IOMMU_MAP_DMA", "E"], decoded.On(thread));
        Assert.Contains("iova=4096", decoded.Annotations);
        Assert.Contains("outcome=0", decoded.Annotations);
    }

    [Fact]
    public void What_a_killed_run_leaves_is_whole_packets()
    {
        using var trace = new PerfettoTrace(_file, _events, () => MachineNames.None, Fail);
        _events.Emit(Vector(MsiVectorChange.Arm, 0));
        Assert.Equal(0, _file.Length);
        trace.Flush();

        Decoded decoded = Decoded.Of(_file.ToArray());
        Assert.Equal(["B armed"], decoded.On(decoded.TrackNamed("vector 0")));
    }

    [Fact]
    public void What_is_open_at_the_end_is_closed()
    {
        using (new PerfettoTrace(_file, _events, () => MachineNames.None, Fail))
        {
            _events.Emit(Vector(MsiVectorChange.Alloc, 0));
            _events.Emit(Vector(MsiVectorChange.Arm, 0));
        }

        Decoded decoded = Decoded.Of(_file.ToArray());
        Assert.Equal(["B allocated", "B armed", "E", "E"], decoded.On(decoded.TrackNamed("vector 0")));
        Assert.False(_events.IsEnabled);
    }

    private static void Fail(string sentence) => Assert.Fail(sentence);

    private static MsiVectorEvent Vector(MsiVectorChange change, int vector) =>
        new() { Change = change, Device = "0000:01:00.0", MsiKind = MsiKind.MsiX, Vector = vector, Irq = 1, Intid = 8192, Cpu = 0 };

    private sealed class Decoded
    {
        public Dictionary<ulong, string> Names { get; } = [];

        public Dictionary<ulong, ulong> Parents { get; } = [];

        public Dictionary<ulong, ulong> Threads { get; } = [];

        public List<(ulong Track, ulong Time, string Text)> Events { get; } = [];

        public List<string> Annotations { get; } = [];

        public ulong TrackNamed(string name) => Assert.Single(Names, track => track.Value == name).Key;

        public IEnumerable<string> On(ulong track) => Events.Where(step => step.Track == track).OrderBy(step => step.Time).Select(step => step.Text);

        public static Decoded Of(byte[] file)
        {
            Decoded decoded = new();
            bool isFirst = true;
            foreach (ProtoField packet in ProtoField.Read(file))
            {
                Assert.Equal(1, packet.Number); // Trace.packet
                List<ProtoField> fields = ProtoField.Read(packet.Bytes);
                Assert.NotEqual(0ul, Assert.Single(fields, field => field.Number == 10).Value); // trusted_packet_sequence_id
                Assert.Equal(isFirst, fields.Exists(field => field.Number == 13)); // sequence_flags
                isFirst = false;
                foreach (ProtoField field in fields)
                {
                    if (field.Number == 60)
                    {
                        decoded.Describe(ProtoField.Read(field.Bytes));
                    }
                    else if (field.Number == 11)
                    {
                        decoded.Take(ProtoField.Read(field.Bytes), Assert.Single(fields, time => time.Number == 8).Value);
                    }
                }
            }

            return decoded;
        }

        private void Describe(List<ProtoField> track)
        {
            ulong uuid = Assert.Single(track, field => field.Number == 1).Value;
            Assert.NotEqual(0ul, uuid);
            foreach (ProtoField field in track)
            {
                switch (field.Number)
                {
                    case 2:
                        Names.Add(uuid, field.Text);
                        break;
                    case 3:
                        Names.Add(uuid, ProtoField.Read(field.Bytes).Single(process => process.Number == 6).Text);
                        break;
                    case 4:
                        Threads.Add(uuid, ProtoField.Read(field.Bytes).Single(thread => thread.Number == 2).Value);
                        Names.Add(uuid, "");
                        break;
                    case 5:
                        Assert.Contains(field.Value, Names.Keys);
                        Parents.Add(uuid, field.Value);
                        break;
                }
            }
        }

        private void Take(List<ProtoField> step, ulong time)
        {
            ulong track = Assert.Single(step, field => field.Number == 11).Value;
            Assert.Contains(track, Names.Keys);
            string name = step.Where(field => field.Number == 23).Select(field => field.Text).SingleOrDefault() ?? "";
            string text = Assert.Single(step, field => field.Number == 9).Value switch
            {
                1 => $"B {name}",
                2 => "E",
                3 => $"I {name}",
                _ => $"C {Assert.Single(step, field => field.Number == 30).Value}",
            };
            Events.Add((track, time, text));
            foreach (List<ProtoField> annotation in step.Where(field => field.Number == 4).Select(field => ProtoField.Read(field.Bytes)))
            {
                ProtoField value = annotation.Single(field => field.Number is 4 or 6 or 7);
                Annotations.Add($"{annotation.Single(field => field.Number == 10).Text}={(value.Number == 6 ? value.Text : value.Value)}");
            }
        }
    }
}
