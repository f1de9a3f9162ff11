namespace Doorbell.Events;

/// <summary>Takes an event's fields in order; JSON, text and tests are implementations.</summary>
public interface IEventFields
{
    /// <summary>A name or sentence.</summary>
    void Text(string name, string value);

    /// <summary>An address or id that people read in hexadecimal.</summary>
    void Hex(string name, ulong value);

    /// <summary>A count or number that people read in decimal.</summary>
    void Number(string name, long value);
}
