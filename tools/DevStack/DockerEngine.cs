using System.Text.Json;
using System.Text.RegularExpressions;

namespace Platform.DevStack;

/// <summary>Checks what Docker can do on this machine.</summary>
public static partial class DockerEngine
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>Why containers cannot be used; null when an engine answers.</summary>
    public static async Task<string?> FindObstacleAsync(CancellationToken cancellationToken)
    {
        if (Machine.FindProgram("docker") is null)
        {
            return "Docker is not installed";
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            return (await Machine.RunAsync("docker", ["info", "--format", "{{.ServerVersion}}"], patience.Token)).Succeeded
                ? null
                : "no Docker engine answers";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "the Docker engine does not answer";
        }
    }

    /// <summary>Why <c>docker compose up</c> cannot work; null when engine, Compose and every image are there or can be pulled.</summary>
    /// <param name="profiles">Profiles whose services and images are checked too.</param>
    public static async Task<string?> FindComposeObstacleAsync(IEnumerable<string> profiles, CancellationToken cancellationToken)
    {
        if (await FindObstacleAsync(cancellationToken) is { } obstacle)
        {
            return obstacle;
        }

        var compose = await Machine.RunAsync("docker", ["compose", .. ComposeStack.Naming(profiles), "config", "--format", "json"], cancellationToken);
        return compose.Succeeded
            ? await FindImageObstacleAsync(ImagesOf(compose.Output), cancellationToken)
            : $"Docker Compose v2 is missing or refuses docker-compose.yml ({compose.LastLine})";
    }

    /// <summary>Why one of these images is unavailable; null when all are present. Pulls missing images.</summary>
    public static async Task<string?> FindImageObstacleAsync(IEnumerable<string> images, CancellationToken cancellationToken)
    {
        foreach (var image in images.Distinct())
        {
            if ((await Machine.RunAsync("docker", ["image", "inspect", image], cancellationToken)).Succeeded)
            {
                continue;
            }

            Console.WriteLine($"pulling {image} ...");
            var pull = await Machine.RunAsync("docker", ["pull", "--quiet", image], cancellationToken);
            if (!pull.Succeeded)
            {
                return $"the image {image} is missing and cannot be pulled";
            }
        }

        return null;
    }

    /// <summary>The images that the compose file uses without building them, and the base images of the Dockerfile.</summary>
    public static IEnumerable<string> ImagesOf(string composeJson)
    {
        using var compose = JsonDocument.Parse(composeJson);
        // An image that one service builds may be used by another.
        var images = compose.RootElement.GetProperty("services").EnumerateObject()
            .ToLookup(service => service.Value.TryGetProperty("build", out _), service => service.Value.GetProperty("image").GetString()!);
        var named = images[false].Except(images[true]).ToArray();
        var bases = File.ReadLines(Path.Combine(Machine.Root, "Dockerfile"))
            .Select(line => BaseImage().Match(line))
            .Where(match => match.Success)
            .Select(match => match.Groups["image"].Value);
        return named.Concat(bases);
    }

    [GeneratedRegex(@"^ARG\s+\w+=(?<image>\S+:\S+)$")]
    private static partial Regex BaseImage();
}
