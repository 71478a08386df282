using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>A job with everything that may be stored about one, its erasure, and a search for what is left.</summary>
internal static partial class Erasing
{
    public const string Id = "clx-erased-1";

    // In every text that the sender or the application chooses.
    public const string Secret = "Lovelace";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static string Completed(string id) =>
        $$"""
        {"type":"video.completed","payload":{"id":"{{id}}","name":"{{Secret}} in Paris","type":"{{Secret}}","credits_charged":5,
         "downloads":[{"url":"https://v/{{Secret}}.mp4?t=1","expires_at":"2026-11-24T12:00:00Z"}]} }
        """;

    /// <summary>A job with everything that may be stored about one.</summary>
    public static async Task FillAsync(TestDatabase database, string id = Id)
    {
        await database.RegisterAsync(Owners.Register(id, email: $"{Secret}@example.com", webhookUrl: $"https://{Secret}.example/hook", userId: Secret));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", id, Deliveries.Noon.AddMinutes(-1))), Deliveries.Unit(Deliveries.Event(Completed(id))));
        // A variant, in another partition.
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(Completed(id).Replace("t=1", "t=2", StringComparison.Ordinal), DateTimeOffset.UtcNow)));
        await database.CommitAsync(Deliveries.Unit(Deliveries.NoEvent($$"""{"payload":{"id":"{{id}}","name":"{{(id == Id ? Secret : "another")}}"} }""")));
        await database.ExecuteAsync(
            $$"""
            update notifications set last_error = '{{Secret}}', status = 'parked' where job_id = '{{id}}' and channel = 'email';
            insert into download_refreshes (job_id, kind, state, requested_at, downloads) values ('{{id}}', 'video', 'refreshed', now(), '[{"url":"{{Secret}}"}]');
            insert into job_checks (job_id, kind, state, next_check_at, since, attempts, failures, not_found) values ('{{id}}', 'video', 'waiting', now(), now(), 0, 0, 0);
            delete from outbox_message
            """);
    }

    public static async Task<JsonElement> EraseAsync(WebApplication app, string id)
    {
        using var http = Client(app, Key);
        using var answer = await http.DeleteAsync(new Uri($"/ops/jobs/{Uri.EscapeDataString(id)}/data?reason=asked%20for%20it", UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
    }

    public static Task<string[]> AuditAsync(TestDatabase database) =>
        database.QueryAsync("select concat_ws(' ', split_part(who, ':', 1), action, target, reason, outcome) from audit_log order by id");

    /// <summary>Every row that the commit of an event could change, but for the inbox, which remembers identities.</summary>
    public static Task<string[]> RowsAsync(TestDatabase database) => database.QueryAsync(
        $"""
        select row_to_json(jobs)::text from jobs where magic_hour_id = '{Id}'
        union all select row_to_json(webhook_events)::text from webhook_events where job_id = '{Id}'
        union all select row_to_json(webhook_bodies)::text from webhook_bodies where event_id in (select event_id from webhook_events where job_id = '{Id}')
        union all select row_to_json(notifications)::text from notifications where job_id = '{Id}'
        union all select row_to_json(outbox_message)::text from outbox_message where body::text like '%{Id}%'
        order by 1
        """);

    /// <summary>The columns of all tables that contain a text, as <c>table.column</c>: text in any form, JSON, and bytes.</summary>
    public static async Task<string[]> FindAsync(TestDatabase database, string text)
    {
        var columns = await database.QueryAsync(
            """
            select format('%I.%I', columns.table_name, column_name)
            from information_schema.columns
            join information_schema.tables using (table_schema, table_name)
            where table_schema = 'public' and table_type = 'BASE TABLE'
            order by 1
            """);
        var searches = columns.Select(column => column.Split('.')).Select(parts =>
            $"""
            select '{parts[0]}.{parts[1]}' where exists (
                select from {parts[0]} as one
                where strpos(lower(one.{parts[1]}::text), lower('{text}')) > 0 or strpos(one.{parts[1]}::text, encode('{text}', 'hex')) > 0)
            """);
        return [.. (await database.QueryAsync(string.Join("\nunion all\n", searches))).Order(StringComparer.Ordinal)];
    }

    [GeneratedRegex("_([0-9]{8}|default)$")]
    public static partial Regex Partition();
}
