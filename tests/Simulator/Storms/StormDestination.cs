using Platform.LocalStack;

namespace Platform.Simulator.Storms;

/// <summary>Where a storm goes, and where its verdict looks.</summary>
/// <param name="Postgres">Null when only the answers are to be seen.</param>
/// <param name="RabbitMq">As <paramref name="Postgres"/>.</param>
/// <param name="IsOurs">The stack was started for the storm alone, and ends with it.</param>
internal sealed record StormDestination(IReadOnlyList<StormTarget> Targets, string? Postgres, string? RabbitMq, bool IsOurs)
    : IAsyncDisposable
{
    /// <summary>The local stack; one is started when none is up.</summary>
    /// <param name="withOwners">They are told here: its workers must reach us.</param>
    public static async Task<StormDestination> OfLocalStackAsync(bool withOwners, CancellationToken cancellationToken)
    {
        if (Stack.Load() is { } running && await running.IsUpAsync(cancellationToken))
        {
            if (withOwners && running.Kind is not StackKind.Native)
            {
                throw new SetupException("--owners needs workers that reach this machine as 127.0.0.1: ./platform up --native.");
            }

            return Of(running, isOurs: false);
        }

        Console.WriteLine("Nothing is up here: starting the native stack for the storm alone.");
        var started = await NativeStack.StartAsync(cancellationToken);
        started.Save();
        return Of(started, isOurs: true);
    }

    public async ValueTask DisposeAsync()
    {
        if (IsOurs)
        {
            await Stack.StopAsync(CancellationToken.None);
        }
    }

    /// <summary>Two webhooks where there are two secrets; the first is rotated to the second's.</summary>
    private static StormDestination Of(Stack stack, bool isOurs) => new(
        stack.NextSecret is { } next
            ? [new StormTarget(stack.IngressUrl, stack.Secret, next), new StormTarget(stack.IngressUrl, next)]
            : [new StormTarget(stack.IngressUrl, stack.Secret)],
        stack.Postgres,
        stack.RabbitMq,
        isOurs);
}
