using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>The guests against QEMU's own nvme: when these fail, nothing can be learnt from a guest behind Doorbell.</summary>
public class GuestImageTests
{
    [SkippableTheory]
    [InlineData("arm64")]
    [InlineData("amd64")]
    public void A_guest_is_sound_with_an_nvme_that_QEMU_emulates(string name)
    {
        Guest guest = Guest.Named(name);
        guest.Require();
        using var folder = new TemporaryFolder();
        string disk = folder.Disk(GuestWorkload.Small.DiskMebibytes);

        string[] command = guest.Command(GuestWorkload.Small, "-drive", $"if=none,id=disk,format=raw,file={disk}", "-device", "nvme,drive=disk,serial=1");
        Outcome outcome = Run.ToEnd(command[0], command[1..], TimeSpan.FromMinutes(3));

        new GuestReport(outcome).MustBeSound(disk, GuestWorkload.Small);
    }
}
