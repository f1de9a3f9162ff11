namespace Doorbell.Linux.Native;

/// <summary>Which file it is, whatever it is called (st_dev and st_ino; T4).</summary>
/// <param name="Device">Device major in the upper half, minor in the lower.</param>
/// <param name="Inode">Number of the inode on that device.</param>
internal readonly record struct FileIdentity(ulong Device, ulong Inode);
