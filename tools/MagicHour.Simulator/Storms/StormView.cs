using Npgsql;
using Platform.DevStack;

namespace Platform.Simulator.Storms;

/// <summary>Shows the progress of a storm: one updated line on a terminal, otherwise one line every few seconds.</summary>
internal sealed class StormView(Storm storm, TextWriter output, bool isTerminal, string? postgres)
{
    private static readonly TimeSpan TerminalInterval = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(5);

    private int _longest;

    /// <summary>Runs until cancelled.</summary>
    public async Task ShowAsync(CancellationToken cancellationToken)
    {
        await using var database = postgres is null ? null : PostgresServer.Open(postgres);
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
            // A fault may have stopped the database.
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
