using Npgsql;
using NpgsqlTypes;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Downloads;

/// <summary>
/// The table <c>download_refreshes</c>, between those who need fresh URLs and the reconciler, which alone may ask Magic Hour's API.
/// </summary>
internal sealed class DownloadRefreshes(NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>Minimum time between two questions about one job; an older open request is no longer answered.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>The rows hold credentials.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    /// <summary>
    /// Opens a request, unless the last one is younger than <see cref="Interval"/>; then that one answers for this one too. While no one is there
    /// to answer, none is opened.
    /// </summary>
    /// <param name="kind">The job's <see cref="Job.Resource"/>.</param>
    /// <returns>The request, or null when there is none.</returns>
    public async Task<RefreshAnswer?> RequestAsync(string jobId, string kind, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            with requested as (
                insert into download_refreshes as one (job_id, kind, state, requested_at)
                select $1, $2, 'open', $3
                where {AdvisoryLocks.IsHeld(AdvisoryLocks.Reconcile)} and {ErasedJob.IsNot("$1")}
                on conflict (job_id) do update
                    set kind = excluded.kind, state = 'open', requested_at = excluded.requested_at
                    where greatest(one.requested_at, one.asked_at) <= $4
                returning state, answer, downloads
            )
            select state, answer, downloads::text from requested
            union all
            select state, answer, downloads::text from download_refreshes
            where job_id = $1 and greatest(requested_at, asked_at) > $4 and not exists (select from requested)
            """);
        var now = time.GetUtcNow().UtcDateTime;
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = jobId });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = kind });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now - Interval });
        return await ReadAsync(command, cancellationToken);
    }

    /// <returns>Null when there is none.</returns>
    public async Task<RefreshAnswer?> FindAsync(string jobId, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("select state, answer, downloads::text from download_refreshes where job_id = $1");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = jobId });
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>Takes open requests, the oldest first. Each is taken once: it is recorded before the API is asked.</summary>
    public async Task<IReadOnlyList<(string JobId, string Kind)>> TakeAsync(int limit, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            -- The clock of the one who requested it may be ahead.
            update download_refreshes set asked_at = greatest($1, requested_at)
            where job_id = any (array(
                select job_id from download_refreshes
                where state = 'open' and (asked_at is null or asked_at < requested_at) and requested_at > $2
                order by requested_at
                limit $3
                for update skip locked))
            returning job_id, kind
            """);
        var now = time.GetUtcNow().UtcDateTime;
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now - Interval });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var taken = new List<(string, string)>();
        while (await rows.ReadAsync(cancellationToken))
        {
            taken.Add((rows.GetString(0), rows.GetString(1)));
        }

        return taken;
    }

    /// <summary>Answers a request that was taken. Does nothing when it has been opened again since.</summary>
    public async Task AnswerAsync(string jobId, RefreshAnswer answer, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            update download_refreshes set state = $2, answer = $3, downloads = $4
            where job_id = $1 and state = 'open' and asked_at >= requested_at
            """);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = jobId });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = answer.State.Name() });
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = answer.Answer });
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = answer.Json, NpgsqlDbType = NpgsqlDbType.Jsonb });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Answers all requests that were not taken, without asking: the API must not be asked now.</summary>
    public async Task RefuseAsync(string answer, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            update download_refreshes set state = 'unavailable', answer = $2, downloads = null
            where state = 'open' and (asked_at is null or asked_at < requested_at) and requested_at > $1
            """);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime - Interval });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = answer });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Deletes what is older than <see cref="Lifetime"/>.</summary>
    public async Task ForgetAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("delete from download_refreshes where requested_at <= $1");
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime - Lifetime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<RefreshAnswer?> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
        {
            return null;
        }

        // An open request still has the answer to the last one.
        var state = RefreshStates.Parse(row.GetString(0));
        return state is RefreshState.Open
            ? new RefreshAnswer(state)
            : new RefreshAnswer(state, row.TextOrNull(1), row.TextOrNull(2));
    }
}

/// <summary>The answer to a request for fresh URLs.</summary>
/// <param name="Answer">The API's answer in a word.</param>
/// <param name="Json">The downloads, in the format of <c>jobs.downloads</c>.</param>
internal sealed record RefreshAnswer(RefreshState State, string? Answer = null, string? Json = null)
{
    /// <summary>What the API offers now. Empty unless <see cref="RefreshState.Refreshed"/>.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public IReadOnlyList<VisibleDownload> Downloads => VisibleDownload.FromJson(Json);
}
