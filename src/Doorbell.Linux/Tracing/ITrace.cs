namespace Doorbell.Linux.Tracing;

/// <summary>The event stream on its way into a file.</summary>
internal interface ITrace : IDisposable
{
    /// <summary>Writes out what has gathered.</summary>
    void Flush();
}
