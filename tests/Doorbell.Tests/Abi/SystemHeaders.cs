using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Doorbell.Tests.Abi;

/// <summary>Asks the system's own headers: compiles a C program that prints constant expressions, and runs it.</summary>
internal static class SystemHeaders
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Values of <paramref name="expressions"/>, in their order. Skips the calling test without gcc, except in CI.</summary>
    /// <param name="headers">What to include.</param>
    /// <param name="expressions">What to print.</param>
    /// <param name="before">Lines for the program's start.</param>
    public static long[] Evaluate(IEnumerable<string> headers, IReadOnlyList<string> expressions, string before = "")
    {
        bool present = File.Exists("/usr/bin/gcc") && File.Exists("/usr/include/linux/vfio.h");
        if (!present && Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail("gcc and linux-libc-dev must be installed: nothing may be missing in CI");
        }

        Skip.IfNot(present, "SKIPPED: install gcc, libc6-dev and linux-libc-dev to compare the constants with the system's headers");

        var program = new StringBuilder("#define _GNU_SOURCE\n#include <stddef.h>\n#include <linux/ioctl.h>\n#include <linux/types.h>\n").Append(before);
        foreach (string header in headers)
        {
            program.Append(CultureInfo.InvariantCulture, $"#include <{header}>\n");
        }

        // Last: it brings in system call numbers of its own.
        program.Append("#include <stdio.h>\nint main(void)\n{\n");
        foreach (string expression in expressions)
        {
            program.Append(CultureInfo.InvariantCulture, $"\tprintf(\"%lld\\n\", (long long)({expression}));\n");
        }

        program.Append("\treturn 0;\n}\n");

        DirectoryInfo folder = Directory.CreateTempSubdirectory("doorbell-abi-");
        try
        {
            string source = Path.Combine(folder.FullName, "abi.c");
            string binary = Path.Combine(folder.FullName, "abi");
            File.WriteAllText(source, program.ToString());
            Run("/usr/bin/gcc", ["-O0", "-o", binary, source]);
            string[] lines = Run(binary, []).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(expressions.Count, lines.Length);
            return [.. lines.Select(line => long.Parse(line, CultureInfo.InvariantCulture))];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Run(string program, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} did not end within {Patience}");
        }

        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {errors.Result}");
        return output.Result;
    }
}
