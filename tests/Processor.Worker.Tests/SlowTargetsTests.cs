using System.Net;
using System.Net.Sockets;
using Platform.DevStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>Targets that accept connections and never answer: they delay only their own notifications.</summary>
public sealed class SlowTargetsTests(PostgresFixture postgres)
{
    private static readonly NotificationOptions Options = new();
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5) - Options.PollInterval;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Five_hundred_targets_that_never_answer_do_not_delay_another()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var blackHole = new BlackHole();
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks("127.0.0.0/8");
        using var dispatching = new Dispatching(database, harness, channel);
        await dispatching.InsertAsync("hole", 500, blackHole.Url);
        await dispatching.InsertAsync("good", 1, _ => receiver.Url);

        var took = await dispatching.UntilBegunAsync("good-1");

        Assert.InRange(took, TimeSpan.Zero, Soon);
        await UntilAsync("the webhook to arrive", () => Task.FromResult(receiver.Received.Count == 1));
        await dispatching.EndAsync();
    }

    [Fact]
    public async Task Targets_that_never_answer_do_not_delay_another_however_much_is_due_for_each()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(NeverResolve);
        using var dispatching = new Dispatching(database, harness, channel);
        await dispatching.InsertAsync("hole", 100 * 20, i => $"http://h{i / 20}.example/");
        await dispatching.InsertAsync("good", 1, _ => "http://good.example/");

        var took = await dispatching.UntilBegunAsync("good-1");

        Assert.InRange(took, TimeSpan.Zero, Soon);
        await dispatching.EndAsync();
    }

    [Fact]
    public async Task The_backlog_of_one_target_that_never_answers_does_not_delay_another_however_its_name_is_written()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(NeverResolve);
        using var dispatching = new Dispatching(database, harness, channel);
        string[] urls =
        [
            "https://bücher.example/", "https://bücher.example:443/1", "https://BÜCHER.example:443/2", "https://xn--bcher-kva.example:443",
            "https://XN--BCHER-KVA.example./", "http://b\u00FCcher.example:443/?3",
        ];
        await dispatching.InsertAsync("hole", 2500, i => urls[i % urls.Length]);
        await dispatching.InsertAsync("good", 1, _ => "http://good.example/");

        var took = await dispatching.UntilBegunAsync("good-1");

        Assert.InRange(took, TimeSpan.Zero, Soon);
        Assert.InRange(long.Parse(Assert.Single(await database.QueryAsync("select sum(attempts) from notifications")), null), 1, 1 + Options.InWork);
        // It has not had time to answer yet.
        Assert.Equal(["0"], await database.QueryAsync("select count(*) from notifications where last_error is not null"));
        await dispatching.EndAsync();
    }

    [Fact]
    public async Task A_slow_target_is_waited_for_while_there_is_room_for_slow_ones()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks("127.0.0.0/8");
        using var dispatching = new Dispatching(database, harness, channel);
        var answer = new TaskCompletionSource();
        receiver.Answer = _ => answer.Task;
        await dispatching.InsertAsync("slow", 1, _ => receiver.Url);

        await dispatching.UntilBegunAsync("slow-1");
        await UntilAsync("the webhook to arrive", () => Task.FromResult(receiver.Received.Count == 1));
        await dispatching.AdvanceAsync(10 * Options.SlowAfter);
        answer.SetResult();
        await dispatching.Dispatcher.FinishAsync();

        Assert.Equal(["completed webhook delivered"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task When_too_many_are_slow_the_longest_running_is_aborted_and_the_newest_continues()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(NeverResolve, "127.0.0.0/8");
        using var dispatching = new Dispatching(database, harness, channel, new NotificationOptions { SlowInWork = 2 });
        var answer = new TaskCompletionSource();
        receiver.Answer = _ => answer.Task;
        await dispatching.InsertAsync("hole", 2, i => $"http://h{i}.example/");
        await dispatching.UntilBegunAsync("hole-2");
        await dispatching.AdvanceAsync(2 * Options.SlowAfter);
        await dispatching.InsertAsync("good", 1, _ => receiver.Url);
        await dispatching.UntilBegunAsync("good-1");
        await UntilAsync("the webhook to arrive", () => Task.FromResult(receiver.Received.Count == 1));

        await dispatching.AdvanceAsync(2 * Options.SlowAfter);
        answer.SetResult();

        await UntilAsync("two to end", async () => await database.QueryAsync("select count(*) from notifications where status <> 'sending'") is ["2"]);
        Assert.Equal(
            ["good-1 delivered 1", "hole-1 pending 1 broken off after 2.0 s: too many targets are slow", "hole-2 sending 1"],
            await database.QueryAsync("select concat_ws(' ', job_id, status, attempts, last_error) from notifications order by 1"));
        await dispatching.EndAsync();
    }

    private static Task UntilAsync(string what, Func<Task<bool>> isTrue) => Waiting.UntilAsync(what, isTrue, Cancel);

    private static Task<IPAddress[]> NeverResolve(string host, CancellationToken cancellationToken) =>
        new TaskCompletionSource<IPAddress[]>().Task.WaitAsync(cancellationToken);

    /// <summary>Any number of hosts that accept connections and read nothing.</summary>
    private sealed class BlackHole : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Any, 0);

        public BlackHole() => _listener.Start(backlog: 1024);

        public string Url(int host) => $"http://127.1.{host / 250}.{1 + host % 250}:{((IPEndPoint)_listener.LocalEndpoint).Port}/";

        public void Dispose() => _listener.Dispose();
    }

    /// <summary>
    /// The dispatcher running by itself, with a clock that does not move during an operation, however long that takes on this machine.
    /// </summary>
    private sealed class Dispatching(TestDatabase database, NotificationHarness harness, INotificationChannel channel, NotificationOptions? options = null) : IDisposable
    {
        private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);
        private static readonly TimeSpan Lease = NotificationDownloads.LongestWait + Options.SendTimeout + NotificationSettler.SettleTime;

        public NotificationDispatcher Dispatcher { get; } = harness.Dispatch(channel, options);

        /// <summary>Jobs that have ended, due in this order.</summary>
        public async Task InsertAsync(string name, int count, Func<int, string> url)
        {
            await using var command = database.Source.CreateCommand(
                $"""
                with owner as (select '{name}-' || place as job_id, url, $2 + place * interval '1 microsecond' as ended_at
                               from unnest($1) with ordinality as one (url, place)),
                job as (insert into jobs (magic_hour_id, resource, status, created_at, updated_at)
                        select job_id, 'video', 'completed', ended_at, ended_at from owner),
                registration as (insert into job_registrations (job_id, resource, user_id, webhook_url, registered_at)
                                 select job_id, 'video', 'ada', url, ended_at from owner)
                insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at)
                select job_id, 'completed', 'webhook', 'pending', 0, ended_at, ended_at from owner
                """);
            command.Parameters.AddWithValue(Enumerable.Range(0, count).Select(url).ToArray());
            command.Parameters.AddWithValue(harness.Time.GetUtcNow().UtcDateTime);
            await command.ExecuteNonQueryAsync(Cancel);
            // The next ones are due later.
            harness.Time.Advance(TimeSpan.FromMilliseconds(10));
        }

        /// <returns>How long it has been due.</returns>
        public async Task<TimeSpan> UntilBegunAsync(string job)
        {
            var began = harness.Time.GetUtcNow();
            while (await IsPendingAsync(job) && harness.Time.GetUtcNow() < began + Options.SendTimeout)
            {
                while (Dispatcher.QuickInFlight >= Options.QuickInWork)
                {
                    await AdvanceAsync(Step);
                }

                // Fail instead of waiting for ever for something that only the clock ends.
                var begun = await Dispatcher.BeginDueAsync(Cancel).WaitAsync(TimeSpan.FromMinutes(1), Cancel);
                if (await IsPendingAsync(job))
                {
                    await AdvanceAsync(Dispatcher.PauseAfter(begun));
                }
            }

            return harness.Time.GetUtcNow() - began;
        }

        /// <summary>Returns once all targets that have become slow by then are known to be.</summary>
        public async Task AdvanceAsync(TimeSpan time)
        {
            harness.Time.Advance(time);
            await UntilAsync("what is slow to leave its place", async () =>
            {
                var since = harness.Time.GetUtcNow() - Options.SlowAfter + Lease;
                var quick = await database.QueryAsync($"select count(*) from notifications where status = 'sending' and next_attempt_at > '{since:O}'");
                return quick is [var count] && count == $"{Dispatcher.QuickInFlight}";
            });
        }

        /// <summary>Lets every pending attempt time out.</summary>
        public async Task EndAsync()
        {
            harness.Time.Advance(Options.SendTimeout);
            await Dispatcher.FinishAsync();
        }

        public void Dispose() => Dispatcher.Dispose();

        private async Task<bool> IsPendingAsync(string job) =>
            await database.QueryAsync($"select count(*) from notifications where job_id = '{job}' and status = 'pending'") is ["1"];
    }
}
