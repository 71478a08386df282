using System.Text.RegularExpressions;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>
/// An image is labelled (annotations of the OCI image specification), and its program has the version that the label states.
/// </summary>
public sealed partial class ImageLabelTests
{
    private static readonly string[] Given = ["VERSION", "REVISION", "SOURCE", "CREATED"];

    [Theory]
    [InlineData("Ingress.Api")]
    [InlineData("Processor.Worker")]
    public void It_has_every_label(string project)
    {
        var labels = Label().Matches(LastStage(project)).ToDictionary(label => label.Groups["name"].Value, label => label.Groups["value"].Value);

        Assert.Equal(
            ["created", "description", "licenses", "revision", "source", "title", "version"], labels.Keys.Order(StringComparer.Ordinal));
        Assert.All(Given, argument => Assert.Equal($"${argument}", labels[argument == "SOURCE" ? "source" : argument.ToLowerInvariant()]));
        Assert.Equal(project == "Ingress.Api" ? "ingress-api" : "processor-worker", labels["title"]);
        Assert.Equal("MIT", labels["licenses"]);
        Assert.StartsWith("MIT License", File.ReadAllText(Path.Combine(Machine.Root, "LICENSE")), StringComparison.Ordinal);
        Assert.True(labels["description"].Length > 20);
    }

    // A stage that does not declare an argument does not receive it and would use an empty value.
    [Theory]
    [InlineData("Ingress.Api")]
    [InlineData("Processor.Worker")]
    public void What_a_stage_uses_it_declares(string project)
    {
        var stages = Read(project).Split("\nFROM ")[1..];

        Assert.Equal(2, stages.Length);
        Assert.All(stages, stage => Assert.All(Given, argument => Assert.Equal(
            stage.Contains($"${argument}", StringComparison.Ordinal), stage.Contains($"\nARG {argument}\n", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("Ingress.Api")]
    [InlineData("Processor.Worker")]
    public void The_program_is_of_the_version_that_the_label_names(string project)
    {
        Assert.Matches("(?m)^ARG VERSION=0.0.0-alpha.0$", Read(project).Split("\nFROM ")[0]);
        Assert.Matches($@"(?m)^RUN dotnet publish {Regex.Escape(project)} .* ""-p:MinVerVersionOverride=\$VERSION"" ""-p:SourceRevisionId=\$REVISION""$", Read(project));
    }

    private static string LastStage(string project) => Read(project).Split("\nFROM ")[^1];

    private static string Read(string project) => File.ReadAllText(Path.Combine(Machine.Root, project, "Dockerfile"));

    [GeneratedRegex(@"(?:LABEL|^) +org\.opencontainers\.image\.(?<name>[a-z]+)=""(?<value>[^""]+)""", RegexOptions.Multiline)]
    private static partial Regex Label();
}
