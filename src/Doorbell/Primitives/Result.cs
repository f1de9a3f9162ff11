using System.Diagnostics.CodeAnalysis;

namespace Doorbell;

/// <summary>Success, or the errno the kernel's caller would see and the sentence a person should.</summary>
/// <remarks>For things that fail in ordinary use. Exceptions are for bugs.</remarks>
public readonly struct Result
{
    private Result(Errno errno, string? reason)
    {
        Errno = errno;
        Reason = reason;
    }

    /// <summary><see cref="Doorbell.Errno.None"/> on success.</summary>
    public Errno Errno { get; }

    /// <summary>Why it failed: names the thing, the address and the rule. Null on success.</summary>
    public string? Reason { get; }

    /// <summary>True on success.</summary>
    [MemberNotNullWhen(false, nameof(Reason))]
    public bool IsOk => Errno == Errno.None;

    /// <summary>Success.</summary>
    public static Result Ok => default;

    /// <summary>Failure.</summary>
    public static Result Fail(Errno errno, string reason) => new(errno, reason);

    /// <summary>Success with a value.</summary>
    public static Result<T> Of<T>(T value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => IsOk ? "ok" : $"{Errno}: {Reason}";
}

/// <summary>A value, or the errno the kernel's caller would see and the sentence a person should.</summary>
public readonly struct Result<T>
{
    private readonly T _value;

    internal Result(T value) => _value = value;

    private Result(Errno errno, string? reason)
    {
        _value = default!;
        Errno = errno;
        Reason = reason;
    }

    /// <summary><see cref="Doorbell.Errno.None"/> on success.</summary>
    public Errno Errno { get; }

    /// <summary>Why it failed. Null on success.</summary>
    public string? Reason { get; }

    /// <summary>True on success.</summary>
    [MemberNotNullWhen(false, nameof(Reason))]
    public bool IsOk => Errno == Errno.None;

    /// <summary>The value; using it after a failure is a bug and throws.</summary>
    public T Value => Errno == Errno.None ? _value : throw new InvalidOperationException($"no value: {Errno}: {Reason}");

    /// <summary>The failure without its (absent) value; success becomes plain success.</summary>
    public Result WithoutValue => IsOk ? Result.Ok : Result.Fail(Errno, Reason);

    /// <summary>Success.</summary>
    public static implicit operator Result<T>(T value) => new(value);

    /// <summary>Carries a failure over; a success without a value is a bug and throws.</summary>
    public static implicit operator Result<T>(Result failure) =>
        failure.IsOk ? throw new InvalidOperationException("a success needs a value") : new(failure.Errno, failure.Reason);

    /// <inheritdoc/>
    public override string ToString() => IsOk ? $"ok: {_value}" : $"{Errno}: {Reason}";
}
