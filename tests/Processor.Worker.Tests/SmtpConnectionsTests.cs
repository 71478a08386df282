using Platform.LocalStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>Mails that follow one another share a connection, and none is lost by it.</summary>
public sealed class SmtpConnectionsTests : IAsyncLifetime
{
    private readonly Telling _telling = new(null!);
    private TestFolder _folder = null!;
    private SmtpInstance _server = null!;
    private EmailChannel _channel = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _folder = await TestFolder.CreateAsync(Cancel);
        _server = await SmtpServer.StartAsync(_folder.Path, _folder.Daemons, Cancel);
        _channel = _telling.Email(_server.Port);
    }

    [Fact]
    public async Task Mails_one_after_the_other_go_over_one_connection_also_past_a_refusal()
    {
        foreach (var address in new[] { "a@example.com", "unknown@example.com", "b@example.com", "later@example.com", "c@example.com" })
        {
            await _channel.SendAsync(Telling.Notice(address), Cancel);
        }

        Assert.Equal(3, _server.Mails.Count);
        Assert.Single(_server.Mails.Select(Connection).Distinct());
    }

    [Fact]
    public async Task Mails_at_the_same_time_do_not_wait_for_each_other()
    {
        var sent = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => _channel.SendAsync(Telling.Notice($"{i}@example.com"), Cancel)));

        Assert.All(sent, delivery => Assert.Equal(Delivery.Delivered, delivery));
        Assert.Equal(20, _server.Mails.Count);
        Assert.True(_server.Mails.Select(Connection).Distinct().Count() > 1);
    }

    [Fact]
    public async Task A_server_that_has_started_again_meanwhile_gets_the_next_mail_at_the_first_attempt()
    {
        await _channel.SendAsync(Telling.Notice("a@example.com"), Cancel);

        await _server.Process.KillAsync(Cancel);
        await _server.Process.StartAsync(Cancel);

        Assert.Equal(Delivery.Delivered, await _channel.SendAsync(Telling.Notice("b@example.com"), Cancel));
        Assert.Equal(2, _server.Mails.Count);
    }

    [Fact]
    public async Task After_a_burst_the_connection_is_closed()
    {
        await _channel.SendAsync(Telling.Notice("a@example.com"), Cancel);

        _telling.Time.Advance(TimeSpan.FromSeconds(11));

        await _channel.SendAsync(Telling.Notice("b@example.com"), Cancel);
        Assert.Equal(2, _server.Mails.Select(Connection).Distinct().Count());
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        _telling.Dispose();
        await _folder.DisposeAsync();
    }

    private static string Connection(string mail) => mail.Split("\r\n").Single(line => line.StartsWith("X-Connection:", StringComparison.Ordinal));
}
