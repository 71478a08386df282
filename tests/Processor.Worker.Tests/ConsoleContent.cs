using System.Text.Json;

namespace Processor.Worker.Tests;

/// <summary>Rows for every page of the console.</summary>
internal static class ConsoleContent
{
    public const string Job = "clx7team/1";
    public static readonly Guid Replay = new("00000000-0000-0000-0000-000000000001");
    public static readonly string Trace = new('a', 32);

    public static readonly Guid Event = Deliveries.Event("video.completed", Job).EventId;

    /// <summary>Every page that shows rows, without those that need a broker.</summary>
    public static string[] Pages =>
    [
        "/console", "/console/live", "/console/events", $"/console/events/{Event}", $"/console/events/{Event}?raw=true", "/console/jobs",
        $"/console/job?id={Uri.EscapeDataString(Job)}", "/console/parked", "/console/replays",
        $"/console/replays/{Replay}", "/console/replays/new", "/console/replays/new?type=video.completed&preview=true", "/console/audit",
    ];

    /// <summary>Full lists: <see cref="Job"/> with an owner and notifications, and more than a page of others.</summary>
    public static async Task CreateAsync(TestDatabase database)
    {
        var now = DateTimeOffset.UtcNow.AddMinutes(-2);
        await database.RegisterAsync(Owners.Register(Job, webhookUrl: "https://example.com/hooks", at: now.AddMinutes(-1)));
        await database.CommitAsync(
        [
            Deliveries.Unit(Deliveries.Event("video.started", Job, now)),
            Deliveries.Unit(Deliveries.Event(Body(Job, "Summer in Kyoto"), now.AddSeconds(40))),
            .. Enumerable.Range(0, 60).Select(i => Deliveries.Unit(Deliveries.Event("video.completed", $"clx7{i:x4}0d9e8f7a6b5c", now.AddSeconds(-i)))),
            Deliveries.Unit(Deliveries.NoEvent("""{"hello":"world"}""", now)),
        ]);
        // Their time is that of the commit, which is now.
        await database.ExecuteAsync(
            $"""
            update webhook_events set trace_id = '{Trace}', sent_at = received_at - interval '120 ms', processed_at = received_at + interval '31 ms';
            update notifications set status = 'parked', attempts = 9, last_error = 'The server answered 500' where channel = 'webhook';
            update notifications set status = 'delivered', attempts = 1, delivered_at = now() where channel = 'email';
            insert into replays (id, created_at, created_by, reason, filter, events, notifications, new_ids, per_second, status, total, examined, published, notified)
            values ('{Replay}', now(), 'api-key:ada', 'a subscriber lost them', {Quote("""{"type":"video.completed"}""")}, true, false, false, 1, 'running', 60, 20, 20, 0);
            insert into audit_log (at, who, action, target, reason, outcome, count) select now() - n * interval '1 minute', 'api-key:ada', 'release', 'notifications',
                'the server is back', 'done', n from generate_series(1, 60) n;
            insert into publish_periods (source, first_number, last_number, instance, began_at, ended_at, noted_at, confirmed)
            select 7, 1000 * n, 1000 * n + 999, 'ingress-1', at - interval '1 minute', at, at, int8multirange(int8range(1000 * n, 1000 * n + accepted))
            from generate_series(1, 60) n
            cross join lateral (select now() - (60 - n) * interval '1 minute' as at, (400 + 250 * sin(n / 9.0) + 90 * sin(n * 1.7))::integer as accepted) as minute;
            insert into ingress_answers values (7, now(), 24123, 12, 3, 41, 2)
            """);
    }

    /// <summary>Text of others everywhere that a sender, an owner or an operator can put any.</summary>
    public static async Task CreateHostileAsync(TestDatabase database, string text)
    {
        var received = Deliveries.Event(Body(text, text));
        await database.RegisterAsync(Owners.Register(text, webhookUrl: "https://example.com/hooks", userId: text));
        await database.CommitAsync(Deliveries.Unit(received));
        await database.ExecuteAsync(
            $"""
            update notifications set status = 'parked', attempts = 9, last_error = {Quote(text)};
            update webhook_events set secret_name = {Quote(text)};
            update jobs set error_code = {Quote(text)}, error_message = {Quote(text)};
            insert into replays (id, created_at, created_by, reason, filter, events, notifications, new_ids, per_second, status, total, examined, published, notified, error)
            values ('{Replay}', now(), {Quote(text)}, {Quote(text)}, jsonb_build_object('type', {Quote(text)}), true, false, false, 1, 'failed', 60, 20, 20, 0, {Quote(text)});
            insert into audit_log (at, who, action, target, reason, outcome) values (now(), {Quote(text)}, 'release', {Quote(text)}, {Quote(text)}, 'done')
            """);
    }

    private static string Body(string job, string name) => JsonSerializer.Serialize(new
    {
        type = "video.completed",
        payload = new
        {
            id = job,
            name,
            downloads = new[] { new { url = "https://files.example.com/clip.mp4?sig=secret", expires_at = "2026-12-01T12:00:00Z" } },
        },
    });

    private static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
