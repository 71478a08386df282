using System.Security.Cryptography;

namespace Platform.DevStack;

/// <summary>
/// The local stack of <c>./platform up</c>, saved in <c>.local/stack.json</c> while it runs: its processes, its addresses, and the secrets
/// for sending to it.
/// </summary>
/// <param name="Kind">How the stack was started.</param>
/// <param name="Links">Links for people, by name.</param>
/// <param name="NextSecret">A second accepted secret, as during a rotation; null when there is none.</param>
/// <param name="MagicHourUrl">The simulated Magic Hour; null when the stack has none.</param>
/// <param name="OperationsUrl">The operations API and the console; null in a stack that an earlier version started.</param>
public sealed record Stack(
    StackKind Kind,
    string IngressUrl,
    string Secret,
    string Postgres,
    string RabbitMq,
    IReadOnlyDictionary<string, string> Links,
    string? NextSecret = null,
    string? MagicHourUrl = null,
    string? OperationsUrl = null)
{
    public static string File => Path.Combine(Machine.LocalFolder, "stack.json");

    /// <summary>The webhook secret of the local stack, also the default of docker-compose.yml.</summary>
    public const string LocalSecret = "mhw_local_development_only";

    /// <summary>The key of the local stack's operations API, also the default of docker-compose.yml.</summary>
    public const string LocalApiKey = "local_development_only_key";

    /// <summary>The key of the local stack's simulated Magic Hour, also that of docker-compose.yml.</summary>
    public const string LocalMagicHourKey = "mhk_local_development_only";

    /// <summary>The secret that signs the native stack's outgoing webhooks, which may target this machine.</summary>
    public const string LocalOutgoingSecret = "whsec_bG9jYWxfZGV2ZWxvcG1lbnRfb25seV9vdXQ=";

    /// <summary>The second webhook secret of the local stack: that of a second webhook, or the next one in a rotation.</summary>
    public const string LocalNextSecret = "mhw_local_development_only_next";

    /// <summary>The stack that was started and not stopped; it may have crashed since. Null when there is none.</summary>
    public static Stack? Load() => StateFile.Read<Stack>(File);

    /// <summary>Locks the start of a stack, because two concurrent starts would stop each other's servers.</summary>
    /// <exception cref="SetupException">Another process holds the lock.</exception>
    public static IDisposable LockStart()
    {
        try
        {
            // The system releases the lock when its holder exits.
            return System.IO.File.Open(Path.Combine(Machine.LocalFolder, "up.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new SetupException("Another ./platform up is starting the stack of this checkout.");
        }
    }

    /// <summary>A token for <c>Operations__SignInToken</c>.</summary>
    internal static string CreateSignInToken() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>The link that signs in to the console once, for people.</summary>
    internal static string SignInLink(string operationsUrl, string token) => $"{operationsUrl}/console/sign-in?token={token} (once)";

    /// <summary>Whether every process of the stack still runs.</summary>
    public async Task<bool> IsUpAsync(CancellationToken cancellationToken) => Kind switch
    {
        StackKind.Native => NativeStack.Daemons.IsUp,
        StackKind.Docker => await ComposeStack.IsUpAsync(cancellationToken),
        _ => throw new InvalidOperationException($"{Kind} is not a kind of stack."),
    };

    public void Save() => StateFile.Write(File, this);

    /// <summary>Stops the stack and keeps its data.</summary>
    public static async Task StopAsync(CancellationToken cancellationToken)
    {
        // Without a Docker engine none of the containers runs.
        if (Load() is { Kind: StackKind.Docker } && await DockerEngine.FindObstacleAsync(cancellationToken) is null)
        {
            await ComposeStack.StopAsync(cancellationToken);
        }

        // Even without a saved stack: an up that was killed during the start has saved none.
        await NativeStack.Daemons.StopAsync(cancellationToken);
        System.IO.File.Delete(File);
    }

    /// <summary>Deletes the data of this checkout's stacks of every kind.</summary>
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
    /// <summary>As processes on this machine.</summary>
    Native,

    /// <summary>With docker-compose.yml.</summary>
    Docker,
}
