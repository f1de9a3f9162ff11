using System.Text;

namespace Doorbell.Tests.Races;

/// <summary>Runs the operations of a race on threads of their own, one at a time, and decides at each point who goes on.</summary>
/// <remarks>
/// The threads hand the turn to each other directly, so that a point at which the same operation goes on costs no switch. A lock that the
/// schedule gives out is free when it is really taken.
/// </remarks>
internal sealed class Schedule : ILockSchedule, IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly List<Worker> _workers = [];
    private readonly Dictionary<EngineLock, (int Owner, int Times)> _held = new(ReferenceEqualityComparer.Instance);
    private readonly SemaphoreSlim _allEnded = new(0);
    private readonly object _failing = new();
    private Race _race = null!;
    private int _current;
    private int _preemptions;
    private int _running;
    private Exception? _failure;

    public Schedule(int[] prefix) => Prefix = prefix;

    /// <summary>Whose turn it is at each of the first points; after those whoever is at the point goes on, and else the first that can.</summary>
    public int[] Prefix { get; set; }

    /// <summary>The points of the last run.</summary>
    public List<Decision> Decisions { get; } = [];

    /// <summary>Runs one schedule in the race's world.</summary>
    public void Run(Race race)
    {
        _race = race;
        _held.Clear();
        Decisions.Clear();
        _failure = null;
        _preemptions = 0;
        _running = race.Operations.Count;
        while (_workers.Count < _running)
        {
            _workers.Add(new Worker(this, _workers.Count));
        }

        for (int i = 0; i < _running; i++)
        {
            _workers[i].Begin(race.Operations[i].Run);
        }

        HandOn(-1, "the start");
        if (!_allEnded.Wait(s_patience))
        {
            throw new ScheduleFailedException(Describe(race, "an operation has waited for a minute for something that is no engine lock"));
        }

        foreach ((EngineLock kept, (int owner, _)) in _held)
        {
            Fail(new InvalidOperationException($"{Letter(owner)} has ended and holds {kept}"));
        }

        Guard(race.AtTheEnd);

        if (_failure is { } failure)
        {
            throw new ScheduleFailedException(Describe(race, failure.Message), failure);
        }
    }

    public void Entering(EngineLock wanted)
    {
        if (_held.TryGetValue(wanted, out (int Owner, int Times) held) && held.Owner == _current)
        {
            _held[wanted] = (_current, held.Times + 1);
            return;
        }

        int me = _current;
        _workers[me].Wants = wanted;
        Pass(me, $"takes {wanted}");
        _workers[me].Wants = null;
        _held[wanted] = (me, 1);
    }

    public void Exited(EngineLock released)
    {
        if (_failure is not null)
        {
            return;
        }

        (int owner, int times) = _held[released];
        if (times > 1)
        {
            _held[released] = (owner, times - 1);
            return;
        }

        _held.Remove(released);
        Pass(owner, $"has given {released}", quietly: true);
    }

    public void At(string point) => Pass(_current, point);

    public void Dispose()
    {
        foreach (Worker worker in _workers)
        {
            worker.Dispose();
        }

        _allEnded.Dispose();
    }

    // Where the operation stands; returns when it is its turn again.
    private void Pass(int me, string where, bool quietly = false)
    {
        if (_failure is null && !HandOn(me, where))
        {
            _workers[me].AwaitTurn();
        }

        // Once something has failed the world is of no use: everybody leaves, but never out of a lock's release.
        if (_failure is not null && !quietly)
        {
            throw new OperationCanceledException();
        }
    }

    // True when the turn stays where it is.
    private bool HandOn(int from, string where)
    {
        Guard(_race.AtEveryPoint);
        uint enabled = 0;
        for (int i = 0; i < _race.Operations.Count; i++)
        {
            Worker worker = _workers[i];
            if (!worker.HasEnded && (worker.Wants is not { } wanted || !_held.ContainsKey(wanted)))
            {
                enabled |= 1u << i;
            }
        }

        if (enabled == 0 && _failure is null && _workers.Take(_race.Operations.Count).Any(worker => !worker.HasEnded))
        {
            Fail(new InvalidOperationException("deadlock: " + string.Join(", ", Waiting())));
        }

        if (_failure is not null || enabled == 0)
        {
            WakeAll();
            return true;
        }

        int at = Decisions.Count;
        int chosen = at < Prefix.Length ? Prefix[at] : Decision.First(enabled, from);
        var decision = new Decision(enabled, from, chosen, _preemptions, where);
        Decisions.Add(decision);
        if ((uint)chosen >= 32 || (enabled >> chosen & 1) == 0)
        {
            Fail(new InvalidOperationException($"the schedule cannot be repeated: at point {at} operation {Letter(chosen)} cannot go on"));
            WakeAll();
            return true;
        }

        if (decision.CurrentCouldGoOn && chosen != from)
        {
            _preemptions++;
        }

        _current = chosen;
        if (chosen == from)
        {
            return true;
        }

        _workers[chosen].GiveTurn();
        return false;
    }

    private void Ended(int me)
    {
        _workers[me].HasEnded = true;
        if (_failure is null)
        {
            HandOn(me, "has ended");
        }

        if (Interlocked.Decrement(ref _running) == 0)
        {
            _allEnded.Release();
        }
    }

    private void WakeAll()
    {
        if (_failure is not null)
        {
            foreach (Worker worker in _workers.Take(_race.Operations.Count))
            {
                worker.GiveTurn();
            }
        }
    }

    private void Guard(Action check)
    {
        if (_failure is not null)
        {
            return;
        }

        try
        {
            // The check's own calls are no part of the race.
            Interleaving.Control(null);
            check();
        }
        catch (Exception failure)
        {
            Fail(failure);
        }
        finally
        {
            Interleaving.Control(Worker.IsOne ? this : null);
        }
    }

    private void Fail(Exception failure)
    {
        lock (_failing)
        {
            _failure ??= failure;
        }
    }

    private IEnumerable<string> Waiting() =>
        from i in Enumerable.Range(0, _race.Operations.Count)
        where _workers[i].Wants is not null
        select $"{Letter(i)} wants {_workers[i].Wants}, which {Letter(_held[_workers[i].Wants!].Owner)} holds";

    private string Describe(Race race, string what)
    {
        StringBuilder text = new();
        text.Append("DOORBELL_SCHEDULE=").AppendJoin(string.Empty, Decisions.Select(decision => Letter(decision.Chosen)));
        text.Append(": ").AppendLine(what);
        for (int i = 0; i < race.Operations.Count; i++)
        {
            text.AppendLine($"  {Letter(i)}: {race.Operations[i].Name}");
        }

        foreach (Decision decision in Decisions)
        {
            string at = decision.Current < 0 ? "  " : $"  {Letter(decision.Current)} ";
            text.AppendLine($"{at}{decision.Where}{(decision.Chosen == decision.Current ? string.Empty : $"; {Letter(decision.Chosen)} goes on")}");
        }

        return text.ToString();
    }

    private static char Letter(int operation) => (char)('A' + operation);

    private sealed class Worker : IDisposable
    {
        [ThreadStatic]
        private static bool t_isOne;

        private readonly Schedule _schedule;
        private readonly int _index;
        private readonly SemaphoreSlim _turn = new(0);
        private readonly Thread _thread;
        private Action? _operation;

        public Worker(Schedule schedule, int index)
        {
            _schedule = schedule;
            _index = index;
            _thread = new Thread(Work) { IsBackground = true, Name = $"operation {Letter(index)}" };
            _thread.Start();
        }

        public static bool IsOne => t_isOne;

        public EngineLock? Wants { get; set; }

        public bool HasEnded { get; set; }

        public void Begin(Action operation)
        {
            _operation = operation;
            Wants = null;
            HasEnded = false;
        }

        public void GiveTurn() => _turn.Release();

        public void AwaitTurn() => _turn.Wait();

        public void Dispose()
        {
            _operation = null;
            _turn.Release();
            if (_thread.Join(s_patience))
            {
                _turn.Dispose();
            }
        }

        private void Work()
        {
            t_isOne = true;
            while (true)
            {
                _turn.Wait();
                if (_operation is not { } operation)
                {
                    return;
                }

                Interleaving.Control(_schedule);
                try
                {
                    if (_schedule._failure is null)
                    {
                        operation();
                    }
                }
                catch (OperationCanceledException) when (_schedule._failure is not null)
                {
                    // The schedule is over.
                }
                catch (Exception failure)
                {
                    _schedule.Fail(failure);
                    _schedule.WakeAll();
                }

                Interleaving.Control(null);
                _operation = null;
                _schedule.Ended(_index);
            }
        }
    }
}
