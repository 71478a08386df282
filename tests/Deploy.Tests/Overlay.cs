using Platform.LocalStack;

namespace Deploy.Tests;

/// <summary>An overlay as kubectl renders it, with the Secrets that are applied beside it.</summary>
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

    /// <summary>What the script prints that makes the Secrets of production.</summary>
    public static Task<string> CreateSecretsAsync(params string[] names) => CreateSecretsAsync(["MAGIC_HOUR_WEBHOOK_SECRET=mhw_test"], names);

    /// <param name="environment">What the script is told, as <c>NAME=VALUE</c>.</param>
    public static async Task<string> CreateSecretsAsync(string[] environment, string[] names) =>
        (await Machine.RunAsync("env", [.. environment, "deploy/k8s/create-secrets", .. names], CancellationToken.None))
        .ThrowIfFailed("create-secrets").Output;

    /// <summary>What the script prints that makes Prometheus' rules.</summary>
    public static async Task<string> CreateRulesAsync() =>
        (await Machine.RunAsync("bash", ["deploy/k8s/create-rules"], CancellationToken.None)).ThrowIfFailed("create-rules").Output;

    private static async Task<string> RenderAsync(string folder)
    {
        var rendered = (await Machine.RunAsync("kubectl", ["kustomize", folder], CancellationToken.None)).ThrowIfFailed("kubectl kustomize").Output;
        return folder == Production ? $"{rendered}\n{await CreateSecretsAsync()}" : rendered;
    }
}
