using System.Text.RegularExpressions;
using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The broker refuses every domain event while the events that cause them are still committed.</summary>
public sealed partial class AMissingExchangeTests(ServersFixture servers)
{
    private const string Exchange = "Platform.Contracts:JobCompleted";
    private const int EventsPerSecond = 500;
    private const int SendsPerSecond = 10;

    [Fact]
    public async Task The_outbox_reconnects_and_logs_ever_more_rarely_however_many_commits_signal_it()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        await platform.StartWorkerAsync();
        await platform.StartIngressAsync();
        await platform.Broker.DeleteExchangeAsync(Exchange, Cancel);
        var began = TimeProvider.System.GetTimestamp();

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var load = SendAsync(platform, ending.Token);
        await Waiting.UntilAsync(
            "five attempts among many more commits",
            async () => Refusals(platform) >= 5
                && await platform.QueryAsync<long>("select count(distinct xmin::text) from webhook_events")
                    >= 10 * MostAttempts(TimeProvider.System.GetElapsedTime(began)),
            Cancel);
        var (refusals, lines) = (Refusals(platform), platform.Logs.Sum(log => LogLines().Count(log)));
        var most = MostAttempts(TimeProvider.System.GetElapsedTime(began));
        await ending.CancelAsync();
        await load;

        Assert.InRange(refusals, 5, most);
        Assert.InRange(lines, 4, most);
        await platform.MigrateAsync();
        await platform.AssertDrainedAsync();
    }

    /// <summary>Sends at a steady rate, as far as the machine keeps up with it.</summary>
    private static async Task SendAsync(TestPlatform platform, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1) / SendsPerSecond);
        while (!cancellationToken.IsCancellationRequested)
        {
            await platform.SendAsync(NewEvents(EventsPerSecond / SendsPerSecond));
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    /// <summary>The refusals in the broker's log: each is on its own connection.</summary>
    private static int Refusals(TestPlatform platform) =>
        NoExchange().Count(File.ReadAllText(platform.OwnBroker.Process.Daemon.LogFile));

    /// <summary>One immediately, then after pauses of 1, 2, 4, 8 and from then on 15 seconds.</summary>
    private static int MostAttempts(TimeSpan time)
    {
        var attempts = 1;
        for (var (at, pause) = (1, 1); at <= time.TotalSeconds; at += pause)
        {
            attempts++;
            pause = Math.Min(2 * pause, 15);
        }

        return attempts;
    }

    [GeneratedRegex("no exchange '" + Exchange)]
    private static partial Regex NoExchange();

    [GeneratedRegex("Domain events could not be published")]
    private static partial Regex LogLines();
}
