// A device of one's own, offered to unmodified programs. docs/devices.md walks through it.
using Doorbell.Devices;
using Doorbell.Linux;
using Doorbell.Machines;
using OwnDevice;

switch (args)
{
    case ["launch", ..]: // how the runner starts the client's half of itself: this program again
        return Launcher.Main(args[1..]);

    case ["test"]:
        return InProcessTest.Run();

    case ["run", "--", _, ..]:
        return Runner.Run(new RunOptions
        {
            Machine = BuiltInMachines.Load("virt-gicv3").Value,
            Models = new Dictionary<string, CreateDeviceModel> { ["crc32"] = _ => new Crc32Device() },
            Devices = [DeviceSpec.Parse("0000:01:00.0=crc32").Value],
            Command = args[2..],
        });

    default:
        Console.Error.WriteLine("usage: own-device test | own-device run -- PROGRAM [ARG...]");
        return 2;
}
