using Npgsql;
using Platform.DevStack;

namespace Platform.Simulator.Verdicts;

/// <summary>The platform's own accounts of what it accepted: at rest, everything has arrived.</summary>
internal static class Accounts
{
    private const string Select =
        """
        select coalesce(sum(upper(numbers) - lower(numbers)), 0)::bigint
        from publish_periods
        cross join lateral unnest((confirmed - applied - quarantined - parked) + (confirmed * deleted)) as numbers
        """;

    // A report every ten seconds, and two until what arrived is added to it.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Waits until nothing is open, for half a minute at most, and counts what is then.</summary>
    /// <returns>Accepted events that have not arrived, or whose row was deleted.</returns>
    public static async Task<long> CountOpenAtRestAsync(string postgres, CancellationToken cancellationToken)
    {
        var open = 0L;
        try
        {
            await Waiting.UntilAsync(
                "the accounts balance", async () => (open = await CountOpenAsync(postgres, cancellationToken)) == 0, cancellationToken, Patience);
        }
        catch (TimeoutException)
        {
            // The caller says how many are open.
        }

        return open;
    }

    private static async Task<long> CountOpenAsync(string postgres, CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(postgres);
        await using var command = source.CreateCommand(Select);
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
