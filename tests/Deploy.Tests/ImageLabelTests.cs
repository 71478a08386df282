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
    [InlineData("ingress-api")]
    [InlineData("processor-worker")]
    public void It_has_every_label(string image)
    {
        var labels = Label().Matches($"{Stage("service")}{Stage(image)}").ToDictionary(label => label.Groups["name"].Value, label => label.Groups["value"].Value);

        Assert.Equal(
            ["created", "description", "licenses", "revision", "source", "title", "version"], labels.Keys.Order(StringComparer.Ordinal));
        Assert.All(Given, argument => Assert.Equal($"${argument}", labels[argument == "SOURCE" ? "source" : argument.ToLowerInvariant()]));
        Assert.Equal(image, labels["title"]);
        Assert.Equal("MIT", labels["licenses"]);
        Assert.StartsWith("MIT License", File.ReadAllText(Path.Combine(Machine.Root, "LICENSE")), StringComparison.Ordinal);
        Assert.True(labels["description"].Length > 20);
    }

    // A stage that does not declare an argument does not receive it and would use an empty value.
    [Fact]
    public void What_a_stage_uses_it_declares()
    {
        Assert.Equal(7, Stages.Length);
        Assert.All(Stages, stage => Assert.All(Given, argument => Assert.Equal(
            stage.Contains($"${argument}", StringComparison.Ordinal), stage.Contains($"\nARG {argument}\n", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("Ingress.Api")]
    [InlineData("Processor.Worker")]
    [InlineData("tools/Operations.Cli")]
    public void The_program_is_of_the_version_that_the_label_names(string project)
    {
        Assert.Matches("(?m)^ARG VERSION=0.0.0-alpha.0$", Dockerfile.Split("\nFROM ")[0]);
        Assert.Matches($@"(?m)^RUN dotnet publish {Regex.Escape(project)} .* ""-p:MinVerVersionOverride=\$VERSION"" ""-p:SourceRevisionId=\$REVISION""$", Dockerfile);
    }

    private static string[] Stages => Dockerfile.Split("\nFROM ")[1..];

    private static string Dockerfile => File.ReadAllText(Path.Combine(Machine.Root, "Dockerfile"));

    private static string Stage(string name) => Stages.Single(stage => stage.Split('\n')[0].EndsWith($" AS {name}", StringComparison.Ordinal));

    [GeneratedRegex(@"(?:LABEL|^) +org\.opencontainers\.image\.(?<name>[a-z]+)=""(?<value>[^""]+)""", RegexOptions.Multiline)]
    private static partial Regex Label();
}
