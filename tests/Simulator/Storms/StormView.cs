using Npgsql;

namespace Platform.Simulator.Storms;

/// <summary>Shows a storm while it runs: one line that is written over on a terminal, a line every few seconds elsewhere.</summary>
internal sealed class StormView(Storm storm, TextWriter output, bool isTerminal, string? postgres)
{
    private static readonly TimeSpan TerminalInterval = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(5);

    private int _longest;

    /// <summary>Until it is cancelled.</summary>
    public async Task ShowAsync(CancellationToken cancellationToken)
    {
        await using var database = postgres is null ? null : NpgsqlDataSource.Create(postgres);
        using var timer = new PeriodicTimer(isTerminal ? TerminalInterval : LogInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                Write($"{storm.Progress}{await AppliedAsync(database, cancellationToken)}");
            }
        }
        catch (OperationCanceledException)
        {
            // The storm is over.
        }

        Write($"{storm.Progress}");
        if (isTerminal)
        {
            await output.WriteLineAsync();
        }
    }

    private async Task<string> AppliedAsync(NpgsqlDataSource? database, CancellationToken cancellationToken)
    {
        if (database is null)
        {
            return "";
        }

        try
        {
            await using var command = database.CreateCommand("select count(*) from webhook_events where job_id like $1");
            command.Parameters.AddWithValue(storm.Ledger.JobIdPrefix + "%");
            return $"; applied {await command.ExecuteScalarAsync(cancellationToken)}";
        }
        catch (NpgsqlException)
        {
            // It may be away on purpose.
            return "; applied ?";
        }
    }

    private void Write(string line)
    {
        if (!isTerminal)
        {
            output.WriteLine(line);
            return;
        }

        _longest = Math.Max(_longest, line.Length);
        output.Write($"\r{line.PadRight(_longest)}");
    }
}
