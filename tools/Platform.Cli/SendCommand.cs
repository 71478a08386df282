using System.CommandLine;
using System.Net;
using Npgsql;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Platform.Cli;

/// <summary><c>./platform send</c>: signs and posts events like Magic Hour, and shows the result.</summary>
internal static class SendCommand
{
    private const int Parallel = 16;
    private const int MaxShown = 10;
    private static readonly TimeSpan PatienceForRow = TimeSpan.FromMinutes(1);

    public static Command Create()
    {
        var type = new Option<string>("--type") { Description = "Event type.", DefaultValueFactory = _ => "video.completed" };
        var count = OptionRules.Number("--count", "Number of events, each for a new job.", 1, 1, 1_000_000);
        var file = new Option<FileInfo>("--file") { Description = "Send this file as the body, byte for byte." }.AcceptExistingFile();
        var job = new Option<string?>("--job") { Description = "Job id, instead of a new one." };
        var url = new Option<string?>("--url") { Description = "Address of the ingress, without /webhook; by default the local stack's." }.AcceptIngressUrls();
        var secret = new Option<string?>("--secret") { Description = "Signing secret; by default the local stack's." };
        var command = new Command("send", "Sign and send events, and show the answer, the job's row and the trace id.")
        {
            type, count, file, job, url, secret,
        };
        command.Exclude(file, type, count, job);
        command.Exclude(job, count);
        command.Validators.Add(result =>
        {
            // The local stack's secret must not sign for another target.
            if (result.Has(url) && !result.Has(secret))
            {
                result.AddError("--url needs a --secret.");
            }
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var target = Target.Find(arguments.GetValue(url), arguments.GetValue(secret));
            var now = TimeProvider.System.GetUtcNow();
            var events = arguments.GetValue(file) is { } body
                ? [MagicHourEvent.Parse(await File.ReadAllBytesAsync(body.FullName, cancellationToken))]
                : Enumerable.Range(0, arguments.GetValue(count)).Select(_ => MagicHourEvent.Create(arguments.GetValue(type)!, arguments.GetValue(job), now)).ToArray();
            return await SendAsync(target, events, cancellationToken);
        });
        return command;
    }

    private static async Task<int> SendAsync(Target target, MagicHourEvent[] events, CancellationToken cancellationToken)
    {
        using var sender = new Sender(target.Url, target.Secret, TimeProvider.System);
        var statuses = new HttpStatusCode[events.Length];
        var options = new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken };
        await System.Threading.Tasks.Parallel.ForAsync(0, events.Length, options, async (i, token) =>
        {
            using var response = await sender.SendAsync(events[i].Body, token);
            statuses[i] = response.StatusCode;
            if (events.Length <= MaxShown)
            {
                Console.WriteLine($"{(int)response.StatusCode} {events[i].Type} {events[i].JobId}: {await response.Content.ReadAsStringAsync(token)}");
            }
        });

        if (events.Length > MaxShown)
        {
            Console.WriteLine($"{events.Length} sent: " + string.Join(", ", statuses.CountBy(status => (int)status).Select(one => $"{one.Value} × {one.Key}")));
        }

        // A signed body that is not an event gets 400 and is kept nevertheless.
        var areAllKept = statuses.All(status => status is HttpStatusCode.OK or HttpStatusCode.BadRequest);
        if (areAllKept && target.Postgres is { } postgres)
        {
            await ShowRowsAsync(postgres, events, cancellationToken);
        }

        return statuses.All(status => status is HttpStatusCode.OK) ? 0 : 1;
    }

    private static async Task ShowRowsAsync(string postgres, MagicHourEvent[] events, CancellationToken cancellationToken)
    {
        await using var database = PostgresServer.Open(postgres);
        foreach (var webhook in events)
        {
            string? row = null;
            try
            {
                await Waiting.UntilAsync(
                    "a row",
                    async () => (row = await ReadEventAsync(database, webhook, cancellationToken) ?? await ReadQuarantinedAsync(database, webhook, cancellationToken)) is not null,
                    cancellationToken,
                    PatienceForRow);
            }
            catch (TimeoutException)
            {
                throw new SetupException(
                    $"Accepted, but not in the database after a minute: {webhook.Type} {webhook.JobId}. ./platform parked error shows what is parked; the log of a worker says what it waits for.");
            }

            if (events.Length <= MaxShown)
            {
                Console.WriteLine(row);
            }
        }

        if (events.Length > MaxShown)
        {
            Console.WriteLine($"{events.Length} rows in the database");
        }
    }

    private static async Task<string?> ReadEventAsync(NpgsqlDataSource database, MagicHourEvent webhook, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            select event.trace_id, job.status, job.resource, job.name, job.download_url, job.error_code, job.error_message
            from webhook_events event left join jobs job on job.magic_hour_id = event.job_id
            where event.job_id = $1 and event.event_type = $2
            """);
        command.Parameters.AddWithValue(webhook.JobId);
        command.Parameters.AddWithValue(webhook.Type);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
        {
            return null;
        }

        var job = Enumerable.Range(1, row.FieldCount - 1)
            .Where(column => !row.IsDBNull(column))
            .Select(column => $"{row.GetName(column)}: {row.GetValue(column)}")
            .ToArray();
        return $"  job    {(job.Length == 0 ? "none: this event type does not change a job" : string.Join("\n         ", job))}\n"
            + $"  trace  {(row.IsDBNull(0) ? "none" : row.GetString(0))}";
    }

    private static async Task<string?> ReadQuarantinedAsync(NpgsqlDataSource database, MagicHourEvent webhook, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("select reason, trace_id from quarantined_events where body_sha256 = sha256($1)");
        command.Parameters.AddWithValue(webhook.Body);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? $"  kept   in quarantined_events: {row.GetString(0)}\n  trace  {(row.IsDBNull(1) ? "none" : row.GetString(1))}"
            : null;
    }

    /// <summary>The target and its secret.</summary>
    /// <param name="Postgres">The database to read rows from; null when the target is not the local stack.</param>
    private sealed record Target(string Url, string Secret, string? Postgres)
    {
        public static Target Find(string? url, string? secret)
        {
            var stack = Stack.Load();
            if ((url ?? stack?.IngressUrl) is not { } targetUrl || (secret ?? stack?.Secret) is not { } targetSecret)
            {
                throw new SetupException("Nothing is up here: run ./platform up first, or give --url and --secret.");
            }

            return new Target(targetUrl, targetSecret, url is null || url == stack?.IngressUrl ? stack?.Postgres : null);
        }
    }
}
