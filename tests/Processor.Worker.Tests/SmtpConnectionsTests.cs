using Platform.LocalStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>Mails that follow one another share a connection, and none is lost by it.</summary>
public sealed class SmtpConnectionsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mails_one_after_the_other_go_over_one_connection_also_past_a_refusal()
    {
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var server = await SmtpServer.StartAsync(folder.Path, folder.Daemons, Cancel);
        using var telling = new Telling(null!);
        using var channel = telling.Email(server.Port);

        foreach (var address in new[] { "a@example.com", "unknown@example.com", "b@example.com", "later@example.com", "c@example.com" })
        {
            await channel.SendAsync(Telling.Notice(address), Cancel);
        }

        Assert.Equal(3, server.Mails.Count);
        Assert.Single(server.Mails.Select(Connection).Distinct());
    }

    [Fact]
    public async Task Mails_at_the_same_time_do_not_wait_for_each_other()
    {
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var server = await SmtpServer.StartAsync(folder.Path, folder.Daemons, Cancel);
        using var telling = new Telling(null!);
        using var channel = telling.Email(server.Port);

        var sent = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => channel.SendAsync(Telling.Notice($"{i}@example.com"), Cancel)));

        Assert.All(sent, delivery => Assert.Equal(Delivery.Delivered, delivery));
        Assert.Equal(20, server.Mails.Count);
        Assert.True(server.Mails.Select(Connection).Distinct().Count() > 1);
    }

    [Fact]
    public async Task A_server_that_has_started_again_meanwhile_gets_the_next_mail_at_the_first_attempt()
    {
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var server = await SmtpServer.StartAsync(folder.Path, folder.Daemons, Cancel);
        using var telling = new Telling(null!);
        using var channel = telling.Email(server.Port);
        await channel.SendAsync(Telling.Notice("a@example.com"), Cancel);

        await server.Process.KillAsync(Cancel);
        await server.Process.StartAsync(Cancel);

        Assert.Equal(Delivery.Delivered, await channel.SendAsync(Telling.Notice("b@example.com"), Cancel));
        Assert.Equal(2, server.Mails.Count);
    }

    [Fact]
    public async Task After_a_burst_the_connection_is_closed()
    {
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var server = await SmtpServer.StartAsync(folder.Path, folder.Daemons, Cancel);
        using var telling = new Telling(null!);
        using var channel = telling.Email(server.Port);
        await channel.SendAsync(Telling.Notice("a@example.com"), Cancel);

        telling.Time.Advance(TimeSpan.FromSeconds(11));

        await channel.SendAsync(Telling.Notice("b@example.com"), Cancel);
        Assert.Equal(2, server.Mails.Select(Connection).Distinct().Count());
    }

    private static string Connection(string mail) => mail.Split("\r\n").Single(line => line.StartsWith("X-Connection:", StringComparison.Ordinal));
}
