using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

namespace Doorbell.Mutants;

/// <summary>The library's source, parsed once and compiled as often as there are mutants.</summary>
internal sealed class LibrarySource
{
    // What the SDK's ImplicitUsings and InternalsVisibleTo write.
    private const string Generated = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        [assembly: System.Runtime.CompilerServices.InternalsVisibleTo("Doorbell.Tests")]
        """;

    private readonly Dictionary<string, SyntaxTree> _trees = [];
    private readonly ResourceDescription[] _resources;
    private readonly CSharpCompilation _compilation;

    private LibrarySource(string root)
    {
        CSharpParseOptions parse = new(LanguageVersion.CSharp14, DocumentationMode.None);
        string source = Path.Combine(root, "src", "Doorbell");
        foreach (string file in Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(source, file);
            if (!name.StartsWith("obj/", StringComparison.Ordinal) && !name.StartsWith("bin/", StringComparison.Ordinal))
            {
                _trees.Add(name, CSharpSyntaxTree.ParseText(SourceText.From(File.ReadAllText(file)), parse, name));
            }
        }

        _resources = [.. Directory.EnumerateFiles(Path.Combine(root, "machines"), "*.yaml")
            .Select(file => new ResourceDescription(Path.GetFileName(file), () => File.OpenRead(file), isPublic: true))];
        string[] platform = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        _compilation = CSharpCompilation.Create(
            "Doorbell",
            [.. _trees.Values, CSharpSyntaxTree.ParseText(Generated, parse)],
            platform.Where(path => !Path.GetFileName(path).StartsWith("Doorbell", StringComparison.Ordinal)).Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary,
                optimizationLevel: OptimizationLevel.Release,
                allowUnsafe: true,
                nullableContextOptions: NullableContextOptions.Enable,
                warningLevel: 0));
    }

    /// <summary>Where the repository is.</summary>
    public static string Root { get; } = FindRoot();

    public static LibrarySource Instance { get; } = new(Root);

    /// <summary>The library with these changes, as an assembly.</summary>
    /// <exception cref="InvalidOperationException">What is to be changed is not there (any more), or is there twice, or what comes out is no C#.</exception>
    public byte[] Compile(IEnumerable<Edit> edits)
    {
        using MemoryStream assembly = new();
        EmitResult result = Change(edits).Emit(assembly, manifestResources: _resources);
        return result.Success
            ? assembly.ToArray()
            : throw new InvalidOperationException(string.Join('\n', result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Take(5)));
    }

    /// <summary>The library with these changes, not compiled yet.</summary>
    /// <exception cref="InvalidOperationException">What is to be changed is not there (any more), or is there twice.</exception>
    public CSharpCompilation Change(IEnumerable<Edit> edits)
    {
        CSharpCompilation compilation = _compilation;
        foreach (IGrouping<string, Edit> file in edits.GroupBy(edit => edit.Type))
        {
            // The type's parts, in whichever of them it says that.
            Dictionary<SyntaxTree, string> texts = _trees
                .Where(part => part.Key == file.Key + ".cs" || part.Key.StartsWith(file.Key + ".", StringComparison.Ordinal))
                .ToDictionary(part => part.Value, part => part.Value.GetText().ToString());
            foreach (Edit edit in file)
            {
                SyntaxTree[] saying = [.. texts.Where(part => part.Value.Contains(edit.Original, StringComparison.Ordinal)).Select(part => part.Key)];
                int at = saying.Length == 1 ? texts[saying[0]].IndexOf(edit.Original, StringComparison.Ordinal) : -1;
                if (at < 0 || texts[saying[0]].IndexOf(edit.Original, at + 1, StringComparison.Ordinal) >= 0)
                {
                    throw new InvalidOperationException($"src/Doorbell/{file.Key}.cs says {(saying.Length == 0 ? "no longer" : "twice")}: the mutant is stale\n{edit.Original}");
                }

                texts[saying[0]] = texts[saying[0]].Remove(at, edit.Original.Length).Insert(at, edit.Replacement);
            }

            foreach ((SyntaxTree tree, string text) in texts.Where(part => part.Value != part.Key.GetText().ToString()))
            {
                compilation = compilation.ReplaceSyntaxTree(tree, tree.WithChangedText(SourceText.From(text)));
            }
        }

        return compilation;
    }

    private static string FindRoot()
    {
        string? folder = Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location);
        while (folder is not null && !File.Exists(Path.Combine(folder, "Doorbell.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("the tests are not run inside of the repository");
    }
}
