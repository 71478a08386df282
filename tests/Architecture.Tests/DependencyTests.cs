using System.Reflection;
using System.Xml.Linq;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using Platform.DevStack;

namespace Architecture.Tests;

/// <summary>The dependencies match the diagrams of <c>docs/architecture.md</c> and contain no cycle.</summary>
public sealed class DependencyTests
{
    [Theory]
    [InlineData("Processor.Worker", "Features of the worker")]
    [InlineData("Ingress.Api", "Features of the ingress")]
    [InlineData("Platform.ServiceDefaults", "Folders of ServiceDefaults")]
    public void Folders_use_what_the_diagram_shows(string root, string heading) =>
        Assert.Equal(Lines(Diagram.Read(heading)), Lines(FindArrowsBetweenFolders(root)));

    [Fact]
    public void Projects_reference_what_the_diagram_shows() => Assert.Equal(Lines(Diagram.Read("Projects")), Lines(FindProjectReferences()));

    [Theory]
    [InlineData("Projects")]
    [InlineData("Features of the worker")]
    [InlineData("Features of the ingress")]
    [InlineData("Folders of ServiceDefaults")]
    public void No_arrows_form_a_cycle(string heading) => Assert.Empty(FindCycle(Diagram.Read(heading)));

    [Fact]
    public void A_cycle_is_found() => Assert.Equal(["A", "B", "C"], FindCycle(["A --> B", "B --> C", "C --> A", "A --> D"]));

    // A failure message shows where two texts differ; it would show lists only as a whole.
    private static string Lines(IEnumerable<string> arrows) => string.Join('\n', arrows);

    /// <summary>
    /// The namespaces of an assembly, one level below its root, that use each other. The root itself composes them and may use all.
    /// </summary>
    private static string[] FindArrowsBetweenFolders(string root)
    {
        var assembly = System.Reflection.Assembly.Load(new AssemblyName(root == "Platform.ServiceDefaults" ? "ServiceDefaults" : root));
        var architecture = new ArchLoader().LoadAssemblies(assembly).Build();
        var arrows =
            from type in architecture.Types
            from dependency in type.Dependencies
            let @from = FolderOf(type, root)
            let to = FolderOf(dependency.Target, root)
            where @from is not null && to is not null && @from != to
            select $"{@from} --> {to}";
        return [.. arrows.Distinct().Order(StringComparer.Ordinal)];
    }

    private static string? FolderOf(IType type, string root) =>
        type is not GenericParameter && type.Namespace?.FullName.StartsWith($"{root}.", StringComparison.Ordinal) is true ? type.Namespace.FullName[(root.Length + 1)..].Split('.')[0] : null;

    private static string[] FindProjectReferences() =>
    [
        .. Directory.EnumerateFiles(Machine.Root, "*.csproj", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Hidden })
            .Where(path => !Path.GetFileNameWithoutExtension(path).EndsWith("Tests", StringComparison.Ordinal) && !path.Contains("/artifacts/", StringComparison.Ordinal))
            .SelectMany(path => XDocument.Load(path).Descendants("ProjectReference")
                .Select(reference => $"{Path.GetFileNameWithoutExtension(path)} --> {Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value)}"))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Repeatedly removes everything that has no remaining dependencies: the rest is empty when there is no cycle.</summary>
    private static string[] FindCycle(IEnumerable<string> arrows)
    {
        var left = arrows.Select(arrow => arrow.Split(" --> ")).ToList();
        while (left.RemoveAll(arrow => left.TrueForAll(other => other[0] != arrow[1])) > 0)
        {
        }

        return [.. left.Select(arrow => arrow[0]).Distinct().Order(StringComparer.Ordinal)];
    }
}
