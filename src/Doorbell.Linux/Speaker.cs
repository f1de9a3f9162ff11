namespace Doorbell.Linux;

/// <summary>
/// Sentences for the person at the terminal, said by a thread of their own: standard error may be a pipe that the client has filled, or a terminal it has
/// stopped, and whoever answers calls must not wait for that. How many there are is bounded by who says them (<see cref="Reporting.RunAccount.MaxSentences"/>).
/// </summary>
internal sealed class Speaker(Action<string> print) : IDisposable
{
    // For what is still to be said when all is over: somebody may be reading slowly.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    private readonly Queue<string> _sentences = [];
    private Thread? _thread;
    private bool _ends;

    /// <summary>Has a sentence said, in its turn.</summary>
    internal void Say(string sentence)
    {
        lock (_sentences)
        {
            _sentences.Enqueue(sentence);
            if (_thread is null)
            {
                _thread = new Thread(Speak) { IsBackground = true, Name = "sentences" };
                _thread.Start();
            }

            Monitor.Pulse(_sentences);
        }
    }

    /// <summary>Returns when all has been said, or when nobody has listened for some seconds.</summary>
    public void Dispose()
    {
        Thread? thread;
        lock (_sentences)
        {
            _ends = true;
            Monitor.Pulse(_sentences);
            thread = _thread;
        }

        thread?.Join(_patience);
    }

    private void Speak()
    {
        while (true)
        {
            string? sentence;
            lock (_sentences)
            {
                while (!_sentences.TryDequeue(out sentence))
                {
                    if (_ends)
                    {
                        return;
                    }

                    Monitor.Wait(_sentences);
                }
            }

            print(sentence);
        }
    }
}
