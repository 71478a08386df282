using System.CommandLine;
using Npgsql;
using Platform.DevStack;

namespace Platform.Cli;

/// <summary><c>./platform job</c>: follows the row of a job in the local stack's database until the job has ended.</summary>
internal static class JobCommand
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        var id = new Argument<string>("ID") { Description = "The id of the job, as Magic Hour answered it." };
        var command = new Command("job", "Show the row of a job whenever it changes, until the job has ended.") { id };
        command.SetAction((arguments, cancellationToken) => FollowAsync(arguments.GetRequiredValue(id), cancellationToken));
        return command;
    }

    private static async Task<int> FollowAsync(string id, CancellationToken cancellationToken)
    {
        var stack = Stack.Load() ?? throw new SetupException("Nothing is up here: run ./platform up first.");
        await using var database = PostgresServer.Open(stack.Postgres);
        var shown = "";
        while (true)
        {
            var (text, hasEnded) = await ReadAsync(database, id, cancellationToken);
            if (text != shown)
            {
                Console.WriteLine(text);
                shown = text;
            }

            if (hasEnded)
            {
                return 0;
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    private static async Task<(string Text, bool HasEnded)> ReadAsync(NpgsqlDataSource database, string id, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "select status, resource, name, download_url, error_code, error_message from jobs where magic_hour_id = $1");
        command.Parameters.AddWithValue(id);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
        {
            return ($"{id}: no row yet; its first event creates it", false);
        }

        var fields = Enumerable.Range(0, row.FieldCount).Where(column => !row.IsDBNull(column)).Select(column => $"{row.GetName(column)}: {row.GetValue(column)}");
        return ($"{id}\n  {string.Join("\n  ", fields)}", row.GetString(0) is not ("queued" or "rendering"));
    }
}
