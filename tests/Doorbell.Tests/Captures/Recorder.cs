using System.Text.Json.Nodes;

namespace Doorbell.Tests.Captures;

/// <summary>Records calls as the captures' client does: one object a call, with what the machine did meanwhile.</summary>
internal sealed class Recorder(CaptureBoard board)
{
    public List<JsonObject> Records { get; } = [];

    /// <summary>Begins a record; <see cref="Done"/> ends it.</summary>
    /// <param name="name">Which call of the suite.</param>
    /// <param name="call">What is called.</param>
    public static JsonObject Begin(string name, string call) => new() { ["name"] = name, ["call"] = call };

    public void Done(JsonObject record)
    {
        MachineFacts.Add(record, board.TakeEvents());
        Records.Add(record);
    }

    /// <summary>A call with nothing but its result.</summary>
    public long Call(string name, string call, long result)
    {
        Done(Begin(name, call).Result(result));
        return result;
    }
}
