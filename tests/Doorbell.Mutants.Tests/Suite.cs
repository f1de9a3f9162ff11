using System.Reflection;
using System.Runtime.Loader;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Doorbell.Mutants;

/// <summary>The tests of the library, over some build of it.</summary>
internal sealed class Suite : AssemblyLoadContext
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);
    private static readonly string[] s_own = ["Doorbell.Tests", "Doorbell.Linux", "Doorbell.Cli"];

    private readonly byte[] _library;

    public Suite(byte[] library)
        : base(isCollectible: true) => _library = library;

    /// <summary>Runs a test, every row of it.</summary>
    /// <param name="test"><c>Class.Method</c>.</param>
    /// <returns>The first failure; null when it passes.</returns>
    /// <exception cref="InvalidOperationException">There is no such test.</exception>
    public Exception? Run(string test)
    {
        Assembly tests = LoadFromAssemblyName(new AssemblyName("Doorbell.Tests"));
        string[] name = test.Split('.');
        Type type = tests.GetTypes().SingleOrDefault(type => type.Name == name[0] && type.IsPublic)
            ?? throw new InvalidOperationException($"there is no test class {name[0]}");
        MethodInfo method = type.GetMethod(name[1]) is { } found && found.GetCustomAttribute<FactAttribute>() is not null
            ? found
            : throw new InvalidOperationException($"there is no test {test}");
        IEnumerable<object?[]?> rows = method.GetCustomAttribute<TheoryAttribute>() is null
            ? [[]]
            : method.GetCustomAttributes<DataAttribute>().SelectMany(data => data.GetData(method));
        foreach (object?[]? row in rows)
        {
            Exception? failure = null;
            Thread thread = new(() => failure = RunRow(type, method, row)) { IsBackground = true };
            thread.Start();
            if (!thread.Join(s_patience))
            {
                return new TimeoutException($"{test} does not end");
            }

            if (failure is not null)
            {
                return failure;
            }
        }

        return null;
    }

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name == "Doorbell")
        {
            using MemoryStream stream = new(_library);
            return LoadFromStream(stream);
        }

        return Array.IndexOf(s_own, assemblyName.Name) >= 0 ? LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, assemblyName.Name + ".dll")) : null;
    }

    private static Exception? RunRow(Type type, MethodInfo method, object?[]? row)
    {
        try
        {
            object?[] arguments = type.GetConstructors()[0].GetParameters().Length == 0 ? [] : [new Silent()];
            object test = Activator.CreateInstance(type, arguments)!;
            try
            {
                object?[] parameters = [.. method.GetParameters().Select((parameter, i) => Convert(i < (row ?? [null]).Length ? (row ?? [null])[i] : parameter.DefaultValue, parameter.ParameterType))];
                (method.Invoke(test, parameters) as Task)?.GetAwaiter().GetResult();
            }
            finally
            {
                (test as IDisposable)?.Dispose();
            }

            return null;
        }
        catch (TargetInvocationException failure)
        {
            return failure.InnerException;
        }
        catch (Exception failure)
        {
            return failure;
        }
    }

    private static object? Convert(object? value, Type type) => value switch
    {
        null => null,
        _ when type.IsInstanceOfType(value) => value,
        _ when type.IsEnum => Enum.ToObject(type, value),
        IConvertible => System.Convert.ChangeType(value, type, System.Globalization.CultureInfo.InvariantCulture),
        _ => value,
    };

    private sealed class Silent : ITestOutputHelper
    {
        public void WriteLine(string message)
        {
        }

        public void WriteLine(string format, params object[] args)
        {
        }
    }
}
