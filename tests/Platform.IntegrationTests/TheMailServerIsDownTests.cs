using System.Net;
using System.Net.Sockets;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Notifications wait while they cannot be delivered. Events never do.</summary>
public sealed class TheMailServerIsDownTests(ServersFixture servers)
{
    private const int Jobs = 200;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Every_event_takes_effect_while_a_mail_server_hangs_or_refuses(bool hangs)
    {
        await using var platform = await CreateAsync(servers);
        using var mail = new TcpListener(IPAddress.Loopback, 0);
        mail.Start();
        await platform.StartWorkerAsync(settings: new Dictionary<string, string?>
        {
            ["Email__Host"] = "127.0.0.1",
            ["Email__Port"] = $"{((IPEndPoint)mail.LocalEndpoint).Port}",
            ["Email__Security"] = "None",
            ["Email__From"] = "studio@example.com",
            // The hanging mail uses the whole concurrency limit.
            ["Notifications__InWork"] = "1",
            ["Notifications__PollInterval"] = "00:00:00.100",
            ["Notifications__SendTimeout"] = "00:00:25",
        });
        await platform.StartIngressAsync();
        await Task.WhenAll(Enumerable.Range(0, Jobs).Select(i => platform.Broker.PublishAsync(Register($"job-{i}", "ada@example.com", webhookUrl: null), Cancel)));
        await platform.CountAsync(Jobs, "select count(*) from job_registrations");
        await platform.SendAsync([NewEvent("video.completed", "job-0")]);
        using var attempt = await mail.AcceptSocketAsync(Cancel);
        if (!hangs)
        {
            mail.Stop();
            attempt.Close();
            await platform.CountAsync(1, "select count(*) from notifications where last_error is not null");
        }

        var answers = await platform.SendAsync(
            [.. Enumerable.Range(1, Jobs - 1).SelectMany(i => new[] { NewEvent("video.started", $"job-{i}"), NewEvent("video.completed", $"job-{i}") })]);

        Assert.Equal(new Dictionary<int, int> { [200] = 2 * (Jobs - 1) }, answers);
        await platform.CountAsync(Jobs, "select count(*) from jobs where status = 'completed' and user_id = 'ada'");
        await platform.AssertDrainedAsync();
        await platform.CountAsync(Jobs, "select count(*) from notifications where status in ('pending', 'sending')");
    }
}
