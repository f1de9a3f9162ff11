using System.Text;
using Doorbell.Linux.Native;
using Doorbell.Linux.Views;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// Writes what has changed in configuration space into the view's sysfs files, before the client has its call's answer: who arms a vector and
/// then reads the file finds the message there, as on a real host.
/// </summary>
internal sealed class ConfigFileWriter : IDisposable
{
    private readonly ConfigFiles _files;
    private readonly int[] _descriptors;
    private readonly int _sys;

    /// <summary>Opens all the files: later a client may have left no descriptor for it.</summary>
    /// <param name="sys">The view's /sys, for writing; owned from here on.</param>
    /// <param name="files">What is shown there.</param>
    /// <exception cref="IOException">One of them cannot be opened; its message is a sentence for the user.</exception>
    internal ConfigFileWriter(int sys, ConfigFiles files)
    {
        _sys = sys;
        _files = files;
        _descriptors = [.. files.All.Select(file => Open(file.Path))];
    }

    /// <summary>Brings the files up to date; costs nothing while nothing has changed.</summary>
    internal void Update()
    {
        if (_files.TakeChanged())
        {
            UpdateAll();
        }
    }

    public void Dispose()
    {
        foreach (int descriptor in _descriptors)
        {
            Sys.Close(descriptor);
        }

        Sys.Close(_sys);
    }

    private void UpdateAll()
    {
        for (int i = 0; i < _descriptors.Length; i++)
        {
            ReadOnlySpan<byte> change = _files.All[i].TakeChange(out int offset);
            if (!change.IsEmpty)
            {
                Sys.PWrite(_descriptors[i], change, offset);
            }
        }
    }

    private int Open(string path)
    {
        const int WriteOnly = 1;
        byte[] relative = Encoding.UTF8.GetBytes(path["/sys/".Length..] + '\0');
        int descriptor = Sys.OpenAt(_sys, relative, WriteOnly | Sys.O_NOFOLLOW | Sys.O_CLOEXEC);
        return descriptor >= 0 ? descriptor : throw new IOException($"{path} of the client's view cannot be written ({(Errno)(-descriptor)}){(descriptor == -(int)Errno.EMFILE ? ": a descriptor is needed for each function of the machine, raise the hard limit of open files (ulimit -Hn)" : "")}");
    }
}
