using System.Text.Json;

namespace Platform.LocalStack;

/// <summary>
/// The local stack of <c>./platform up</c>, as it is written down in <c>.local/stack.json</c> while it runs: what was started, where
/// it serves, and what is needed to send to it.
/// </summary>
/// <param name="Kind">How it was started.</param>
/// <param name="Links">What a person may want to open, by name.</param>
/// <param name="NextSecret">Accepted too, as while a secret is being rotated; null when there is none.</param>
public sealed record Stack(
    StackKind Kind,
    string IngressUrl,
    string Secret,
    string Postgres,
    string RabbitMq,
    IReadOnlyDictionary<string, string> Links,
    string? NextSecret = null)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static string File => Path.Combine(Machine.LocalFolder, "stack.json");

    /// <summary>The secret that signs for the local stack, the default of docker-compose.yml too.</summary>
    public const string LocalSecret = "mhw_local_development_only";

    /// <summary>The key of the local stack's operations API, the default of docker-compose.yml too.</summary>
    public const string LocalApiKey = "local_development_only";

    /// <summary>The secret that signs what the native stack's workers tell owners; they may tell those on this machine.</summary>
    public const string LocalOutgoingSecret = "whsec_bG9jYWxfZGV2ZWxvcG1lbnRfb25seV9vdXQ=";

    /// <summary>The second secret of the local stack, as that of a second webhook or of the next one.</summary>
    public const string LocalNextSecret = "mhw_local_development_only_next";

    /// <summary>What was last started and not stopped; it may have died since. Null when there is nothing.</summary>
    public static Stack? Load() =>
        System.IO.File.Exists(File) ? JsonSerializer.Deserialize<Stack>(System.IO.File.ReadAllText(File)) : null;

    /// <summary>Held while a stack is looked for and started: two starts at once would end each other's servers.</summary>
    /// <exception cref="SetupException">Someone else holds it.</exception>
    public static IDisposable LockStart()
    {
        try
        {
            // The system gives it back when its holder dies.
            return System.IO.File.Open(Path.Combine(Machine.LocalFolder, "up.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new SetupException("Another ./platform up is starting the stack of this checkout.");
        }
    }

    /// <summary>Whether everything that was started still runs.</summary>
    public async Task<bool> IsUpAsync(CancellationToken cancellationToken) => Kind switch
    {
        StackKind.Native => NativeStack.Daemons.IsUp,
        StackKind.Docker => await ComposeStack.IsUpAsync(cancellationToken),
        _ => throw new InvalidOperationException($"{Kind} is not a kind of stack."),
    };

    public void Save() => System.IO.File.WriteAllText(File, JsonSerializer.Serialize(this, Indented));

    /// <summary>Stops exactly what was started; its data stays.</summary>
    public static async Task StopAsync(CancellationToken cancellationToken)
    {
        // Without an engine none of its containers runs.
        if (Load() is { Kind: StackKind.Docker } && await DockerEngine.FindObstacleAsync(cancellationToken) is null)
        {
            await ComposeStack.StopAsync(cancellationToken);
        }

        // Even without a record: an up that was killed half way has written none.
        await NativeStack.Daemons.StopAsync(cancellationToken);
        System.IO.File.Delete(File);
    }

    /// <summary>Removes the data of every kind of stack of this checkout.</summary>
    public static async Task PurgeAsync(CancellationToken cancellationToken)
    {
        if (await DockerEngine.FindObstacleAsync(cancellationToken) is null)
        {
            await ComposeStack.PurgeAsync(cancellationToken);
        }

        if (Directory.Exists(NativeStack.Folder))
        {
            Directory.Delete(NativeStack.Folder, recursive: true);
        }
    }
}

/// <summary>How a stack was started.</summary>
public enum StackKind
{
    /// <summary>As processes of this machine.</summary>
    Native,

    /// <summary>By docker-compose.yml.</summary>
    Docker,
}
