using Platform.DevStack;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Storms;

/// <summary>The targets of a storm, and the servers that its verdict reads.</summary>
/// <param name="Postgres">Null when only the answers can be judged.</param>
/// <param name="RabbitMq">Null like <paramref name="Postgres"/>.</param>
/// <param name="IsOwned">The stack was started for the storm alone, and ends with it.</param>
/// <param name="IsStack">The local stack, of the same build as this program.</param>
/// <param name="OutgoingSecret">The secret that receivers' keys are derived from; null when unknown.</param>
internal sealed record StormDestination(
    IReadOnlyList<StormTarget> Targets, string? Postgres, string? RabbitMq, bool IsOwned, bool IsStack, string? OutgoingSecret = null)
    : IAsyncDisposable
{
    /// <summary>The local stack; starts one when none is up.</summary>
    /// <param name="withOwners">Owners receive their notifications in this process, so the stack's workers must reach it.</param>
    public static async Task<StormDestination> FromDevStackAsync(bool withOwners, CancellationToken cancellationToken)
    {
        if (Stack.Load() is { } running && await running.IsUpAsync(cancellationToken))
        {
            if (withOwners && running.Kind is not StackKind.Native)
            {
                throw new SetupException("--owners needs workers that can reach this machine as 127.0.0.1: use ./platform up --native.");
            }

            return FromStack(running, isOwned: false);
        }

        Console.WriteLine("Nothing is up here: starting a native stack for this storm.");
        var started = await NativeStack.StartAsync(new NativeExtras(), cancellationToken);
        started.Save();
        return FromStack(started, isOwned: true);
    }

    /// <summary>Whether every row of <c>jobs</c> is what the stored events say, by the worker's own verb. True for a platform elsewhere, which may have another version.</summary>
    public async Task<bool> IsRebuildCleanAsync(CancellationToken cancellationToken)
    {
        if (!IsStack)
        {
            return true;
        }

        var development = new Dictionary<string, string?> { ["DOTNET_ENVIRONMENT"] = "Development" };
        return RebuildCheck.Show(await Services.RunVerbAsync(RabbitMq!, Postgres!, RebuildCheck.Verb, cancellationToken, development));
    }

    /// <summary>
    /// Whether everything that an ingress reported as confirmed has arrived, or is parked. Nothing is left in flight. True for a platform elsewhere, which may
    /// have another version.
    /// </summary>
    public async Task<bool> IsAccountedAsync(CancellationToken cancellationToken)
    {
        if (!IsStack)
        {
            return true;
        }

        var open = await Accounts.CountOpenAtRestAsync(Postgres!, cancellationToken);
        Console.WriteLine($"accounting {(open == 0 ? "clean" : $"VIOLATED: {open} accepted events have not arrived, or were deleted")}");
        return open == 0;
    }

    public async ValueTask DisposeAsync()
    {
        if (IsOwned)
        {
            await Stack.StopAsync(CancellationToken.None);
        }
    }

    /// <summary>Two webhooks when there are two secrets; the first one rotates to the second secret.</summary>
    private static StormDestination FromStack(Stack stack, bool isOwned) => new(
        stack.NextSecret is { } next
            ? [new StormTarget(stack.IngressUrl, stack.Secret, next), new StormTarget(stack.IngressUrl, next)]
            : [new StormTarget(stack.IngressUrl, stack.Secret)],
        stack.Postgres,
        stack.RabbitMq,
        isOwned,
        IsStack: true,
        Stack.LocalOutgoingSecret);
}
