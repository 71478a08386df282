using Platform.DevStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>Consecutive mails share a connection, and sharing loses none.</summary>
public sealed class SmtpConnectionsTests : IAsyncLifetime
{
    private readonly NotificationHarness _telling = new(null!);
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
        foreach (var address in new[] { "a@example.com", "unknown@example.com", "b@example.com", "unknown@example.com", "c@example.com" })
        {
            await _channel.SendAsync(NotificationHarness.NotificationDelivery(address), Cancel);
        }

        Assert.Equal(3, _server.Mails.Count);
        Assert.Single(_server.Mails.Select(Connection).Distinct());
    }

    [Fact]
    public async Task After_a_failure_that_may_be_the_sessions_the_next_mail_gets_another_connection()
    {
        foreach (var address in new[] { "a@example.com", "later@example.com", "b@example.com" })
        {
            await _channel.SendAsync(NotificationHarness.NotificationDelivery(address), Cancel);
        }

        Assert.Equal(2, _server.Mails.Select(Connection).Distinct().Count());
    }

    [Fact]
    public async Task Mails_at_the_same_time_do_not_wait_for_each_other()
    {
        await using var server = new ScriptedMailServer();
        using var channel = _telling.Email(server.Port);
        var arrived = new CountdownEvent(2);
        var bothArrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.BeforeMessage = () =>
        {
            if (arrived.Signal())
            {
                bothArrived.SetResult();
            }

            return bothArrived.Task;
        };

        var sent = await Task.WhenAll(channel.SendAsync(NotificationHarness.NotificationDelivery("a@example.com"), Cancel), channel.SendAsync(NotificationHarness.NotificationDelivery("b@example.com"), Cancel))
            .WaitAsync(TimeSpan.FromMinutes(1), Cancel);

        Assert.All(sent, delivery => Assert.Equal(Delivery.Delivered, delivery));
        Assert.Equal(2, server.OpenedConnections);
    }

    [Fact]
    public async Task A_server_that_started_again_a_while_ago_gets_the_next_mail_at_the_first_attempt()
    {
        await _channel.SendAsync(NotificationHarness.NotificationDelivery("a@example.com"), Cancel);

        await _server.Process.KillAsync(Cancel);
        await _server.Process.StartAsync(Cancel);
        _telling.Time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(Delivery.Delivered, await _channel.SendAsync(NotificationHarness.NotificationDelivery("b@example.com"), Cancel));
        Assert.Equal(2, _server.Mails.Count);
    }

    [Fact]
    public async Task After_a_burst_the_connection_is_closed()
    {
        await _channel.SendAsync(NotificationHarness.NotificationDelivery("a@example.com"), Cancel);

        _telling.Time.Advance(TimeSpan.FromSeconds(11));

        await _channel.SendAsync(NotificationHarness.NotificationDelivery("b@example.com"), Cancel);
        Assert.Equal(2, _server.Mails.Select(Connection).Distinct().Count());
    }

    [Fact]
    public async Task What_is_no_longer_needed_is_closed_while_another_connection_is_in_use()
    {
        await using var server = new ScriptedMailServer();
        using var connections = new SmtpConnections(NotificationHarness.EmailOptions(server.Port), _telling.Time);
        var taken = new[] { await connections.TakeAsync(isInternational: false, Cancel), await connections.TakeAsync(isInternational: false, Cancel) };
        await Task.WhenAll(taken.Select(client => connections.ReturnAsync(client, isWell: true, Cancel)));
        Assert.Equal(2, server.OpenConnections);

        for (var i = 0; i < 4; i++)
        {
            _telling.Time.Advance(TimeSpan.FromSeconds(3));
            await connections.ReturnAsync(await connections.TakeAsync(isInternational: false, Cancel), isWell: true, Cancel);
        }

        await Waiting.UntilAsync("one is left", () => Task.FromResult(server.OpenConnections == 1), Cancel);
        Assert.Equal(2, server.OpenedConnections);
    }

    [Fact]
    public async Task A_connection_that_no_longer_answers_costs_no_attempt()
    {
        await _channel.SendAsync(NotificationHarness.NotificationDelivery("a@example.com"), Cancel);
        await File.WriteAllTextAsync(Path.Combine(_server.Folder, "silent"), "", Cancel);
        _telling.Time.Advance(TimeSpan.FromSeconds(2));

        var sending = _channel.SendAsync(NotificationHarness.NotificationDelivery("b@example.com"), Cancel);
        _telling.Time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(Delivery.Delivered, await sending.WaitAsync(TimeSpan.FromMinutes(1), Cancel));
        Assert.Equal(2, _server.Mails.Select(Connection).Distinct().Count());
    }

    [Fact]
    public async Task A_connection_that_was_in_use_a_moment_ago_is_not_asked_whether_it_answers()
    {
        await _channel.SendAsync(NotificationHarness.NotificationDelivery("a@example.com"), Cancel);
        await File.WriteAllTextAsync(Path.Combine(_server.Folder, "silent"), "", Cancel);

        Assert.Equal(Delivery.Delivered, await _channel.SendAsync(NotificationHarness.NotificationDelivery("b@example.com"), Cancel).WaitAsync(TimeSpan.FromMinutes(1), Cancel));
        Assert.Single(_server.Mails.Select(Connection).Distinct());
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        _telling.Dispose();
        await _folder.DisposeAsync();
    }

    private static string Connection(string mail) => mail.Split("\r\n").Single(line => line.StartsWith("X-Connection:", StringComparison.Ordinal));
}
