using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Platform.DevStack;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>Webhook receivers that accept connections and never answer.</summary>
internal static class TarpitFaults
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const int BlackHoles = 500;
    private const string JobIds = "tarpit-";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    public static IEnumerable<Fault> All =>
    [
        new("S15", $"{BlackHoles} webhook targets that never answer, due before a healthy one", $"the healthy one is notified in under {Soon.TotalSeconds:0} s", BlackHolesAsync),
    ];

    private static async Task<string> BlackHolesAsync(FaultContext context)
    {
        await using var good = await WebhookReceiver.StartAsync(context.Cancel);
        using var blackHole = new TcpListener(IPAddress.Any, 0);
        // The kernel accepts the connections.
        blackHole.Start(backlog: 2 * BlackHoles);
        var port = ((IPEndPoint)blackHole.LocalEndpoint).Port;
        // As in deploy/k8s/base/processor-worker-notify.yaml.
        var notifier = context.Lab.Worker("worker-notifies", new Dictionary<string, string?>
        {
            ["OutgoingWebhooks__Secrets__0"] = Secret,
            ["OutgoingWebhooks__AllowedTargets__0"] = "127.0.0.0/8",
            ["Notifications__PerSecond"] = "400",
            ["Notifications__QuickInWork"] = "256",
        }, roles: "notify");
        try
        {
            await notifier.StartAsync(context.Cancel);
            // The worker is warm once it has sent a notification.
            await InsertAsync(context, "warm", [good.Url]);
            await context.UntilAsync("the first webhook", () => Task.FromResult(good.Received.Count == 1));
            var took = TimeSpan.Zero;
            var report = await context.StormAsync(events: 300, rate: 60, async () =>
            {
                string[] targets = [.. Enumerable.Range(0, BlackHoles).Select(i => $"http://127.1.{i / 250}.{1 + i % 250}:{port}/"), good.Url];
                var began = Stopwatch.GetTimestamp();
                await InsertAsync(context, "storm", targets);
                await context.UntilAsync("the healthy one to be notified", () => Task.FromResult(good.Received.Count == 2));
                took = Stopwatch.GetElapsedTime(began);
            });
            Expect(took < Soon, $"the healthy one was notified after {took.TotalSeconds:0.0} s");
            return $"notified after {took.TotalSeconds:0.0} s; {report}";
        }
        finally
        {
            await notifier.KillAsync(CancellationToken.None);
            await ExecuteAsync(context, $"delete from notifications where job_id like '{JobIds}%'; delete from job_registrations where job_id like '{JobIds}%'; delete from jobs where magic_hour_id like '{JobIds}%'");
        }
    }

    /// <summary>Inserts completed jobs whose notifications are due in this order.</summary>
    private static Task InsertAsync(FaultContext context, string name, string[] targets) => ExecuteAsync(
        context,
        $"""
        with owner as (select '{JobIds}{name}-' || place as job_id, url, now() + place * interval '1 microsecond' as ended_at
                       from unnest($1) with ordinality as one (url, place)),
        job as (insert into jobs (magic_hour_id, resource, status, created_at, updated_at)
                select job_id, 'video', 'completed', ended_at, ended_at from owner),
        registration as (insert into job_registrations (job_id, resource, user_id, webhook_url, registered_at)
                         select job_id, 'video', 'ada', url, ended_at from owner)
        insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at)
        select job_id, 'completed', 'webhook', 'pending', 0, ended_at, ended_at from owner
        """,
        targets);

    private static async Task ExecuteAsync(FaultContext context, string sql, string[]? parameter = null)
    {
        await using var command = context.Lab.Database.CreateCommand(sql);
        if (parameter is not null)
        {
            command.Parameters.AddWithValue(parameter);
        }

        // Not cancelled with the fault: inserted rows are deleted in any case.
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }
}
