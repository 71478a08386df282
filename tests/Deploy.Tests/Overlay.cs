using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>An overlay as kubectl renders it, with the Secrets that are applied with it.</summary>
internal static class Overlay
{
    public const string Development = "deploy/k8s/overlays/development";
    public const string Production = "deploy/k8s/overlays/production";
    public const string ProductionWithExternalSecrets = "tests/Deploy.Tests/Overlays/production-with-external-secrets";

    private static readonly Dictionary<string, Task<string>> Rendered = new[] { Development, Production, ProductionWithExternalSecrets }
        .ToDictionary(folder => folder, RenderAsync);

    public static Task<string> ReadAsync(string folder)
    {
        Assert.SkipWhen(Machine.FindProgram("kubectl") is null, "kubectl renders the manifests, and is not on the PATH.");
        return Rendered[folder];
    }

    /// <summary>Production with images from a registry, without the Secrets.</summary>
    public static async Task<string> RenderProductionAsync(string registry, string tag)
    {
        Assert.SkipWhen(Machine.FindProgram("kubectl") is null, "kubectl renders the manifests, and is not on the PATH.");
        var folder = Directory.CreateTempSubdirectory("overlay");
        try
        {
            (await Machine.RunAsync("cp", ["-R", "deploy/k8s", folder.FullName], CancellationToken.None)).ThrowIfFailed("cp");
            var overlay = Path.Combine(folder.FullName, "k8s", "overlays", "production");
            var file = Path.Combine(overlay, "kustomization.yaml");
            var kustomization = (await File.ReadAllTextAsync(file))
                .Replace("ghcr.io/OWNER/REPOSITORY", registry, StringComparison.Ordinal)
                .Replace("newTag: 0.0.0", $"newTag: {tag}", StringComparison.Ordinal);
            await File.WriteAllTextAsync(file, kustomization);
            return (await Machine.RunAsync("kubectl", ["kustomize", overlay], CancellationToken.None)).ThrowIfFailed("kubectl kustomize").Output;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Output of the script that creates production's Secrets.</summary>
    public static Task<string> CreateSecretsAsync(params string[] names) => CreateSecretsAsync(["MAGIC_HOUR_WEBHOOK_SECRET=mhw_test"], names);

    /// <param name="environment">Environment of the script, as <c>NAME=VALUE</c>.</param>
    public static async Task<string> CreateSecretsAsync(string[] environment, string[] names) =>
        (await Machine.RunAsync("env", [.. environment, "deploy/k8s/create-secrets", .. names], CancellationToken.None))
        .ThrowIfFailed("create-secrets").Output;

    /// <summary>Output of the script that creates Prometheus' rules.</summary>
    public static async Task<string> CreateRulesAsync() =>
        (await Machine.RunAsync("bash", ["deploy/k8s/create-rules"], CancellationToken.None)).ThrowIfFailed("create-rules").Output;

    private static async Task<string> RenderAsync(string folder)
    {
        var rendered = (await Machine.RunAsync("kubectl", ["kustomize", folder], CancellationToken.None)).ThrowIfFailed("kubectl kustomize").Output;
        return folder == Production ? $"{rendered}\n{await CreateSecretsAsync()}" : rendered;
    }
}
