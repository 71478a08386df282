using Npgsql;
using Platform.Contracts;

namespace Platform.Benchmarks.Contestants.Wolverine;

/// <summary>Handles a message by itself. Wolverine requires its handlers to be public.</summary>
public static class StoreEventHandler
{
    public static Task HandleAsync(WebhookReceived received, NpgsqlDataSource database, CancellationToken cancellationToken) =>
        EventRows.WriteAsync(database, [received], cancellationToken);
}
