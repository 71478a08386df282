using Npgsql;
using Platform.Contracts;

namespace Platform.Benchmarks.Contestants.Wolverine;

/// <summary>Handles the messages of a batch together. Wolverine requires its handlers to be public.</summary>
public static class StoreEventsHandler
{
    public static Task HandleAsync(WebhookReceived[] received, NpgsqlDataSource database, CancellationToken cancellationToken) =>
        EventRows.WriteAsync(database, received, cancellationToken);
}
