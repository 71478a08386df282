using System.Net.NetworkInformation;
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
    public async Task A_server_that_started_again_a_while_ago_gets_the_next_mail_at_the_first_attempt()
    {
        await _channel.SendAsync(Telling.Notice("a@example.com"), Cancel);

        await _server.Process.KillAsync(Cancel);
        await _server.Process.StartAsync(Cancel);
        _telling.Time.Advance(TimeSpan.FromSeconds(2));

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

    [Fact]
    public async Task What_is_not_needed_any_more_is_closed_though_another_connection_is_in_use()
    {
        await Task.WhenAll(_channel.SendAsync(Telling.Notice("a@example.com"), Cancel), _channel.SendAsync(Telling.Notice("b@example.com"), Cancel));
        Assert.Equal(2, OpenConnections());

        for (var i = 0; i < 4; i++)
        {
            _telling.Time.Advance(TimeSpan.FromSeconds(3));
            await _channel.SendAsync(Telling.Notice($"{i}@example.com"), Cancel);
        }

        await Waiting.UntilAsync("one is left", () => Task.FromResult(OpenConnections() == 1), Cancel, patience: TimeSpan.FromSeconds(10));
        Assert.Equal(2, _server.Mails.Select(Connection).Distinct().Count());
    }

    [Fact]
    public async Task A_connection_that_does_not_answer_any_more_costs_no_attempt()
    {
        await _channel.SendAsync(Telling.Notice("a@example.com"), Cancel);
        await File.WriteAllTextAsync(Path.Combine(_server.Folder, "silent"), "", Cancel);
        _telling.Time.Advance(TimeSpan.FromSeconds(2));

        var sending = _channel.SendAsync(Telling.Notice("b@example.com"), Cancel);
        _telling.Time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(Delivery.Delivered, await sending.WaitAsync(TimeSpan.FromSeconds(20), Cancel));
        Assert.Equal(2, _server.Mails.Select(Connection).Distinct().Count());
    }

    [Fact]
    public async Task A_connection_that_was_in_use_a_moment_ago_is_not_asked_whether_it_answers()
    {
        await _channel.SendAsync(Telling.Notice("a@example.com"), Cancel);
        await File.WriteAllTextAsync(Path.Combine(_server.Folder, "silent"), "", Cancel);

        Assert.Equal(Delivery.Delivered, await _channel.SendAsync(Telling.Notice("b@example.com"), Cancel).WaitAsync(TimeSpan.FromSeconds(20), Cancel));
        Assert.Single(_server.Mails.Select(Connection).Distinct());
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        _telling.Dispose();
        await _folder.DisposeAsync();
    }

    private int OpenConnections() => IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
        .Count(connection => connection.RemoteEndPoint.Port == _server.Port && connection.State is TcpState.Established);

    private static string Connection(string mail) => mail.Split("\r\n").Single(line => line.StartsWith("X-Connection:", StringComparison.Ordinal));
}
