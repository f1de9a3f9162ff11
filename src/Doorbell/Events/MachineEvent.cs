namespace Doorbell.Events;

/// <summary>Something that happened in the machine: the one stream that logs, traces, <c>explain</c> and tests read.</summary>
public abstract record MachineEvent
{
    /// <summary>The event's name in traces: lower case with dots, e.g. <c>iommu.map</c>, <c>msi.deliver</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>True for what somebody may want explained though he does not trace: a refusal, a lost interrupt, a fault.</summary>
    public virtual bool IsTrouble => false;

    /// <summary>Hands over the fields, in the order a person wants to read them.</summary>
    public abstract void Describe(IEventFields fields);

    /// <summary>The event on one line: its kind and its fields.</summary>
    public sealed override string ToString() => EventText.Of(this);
}
