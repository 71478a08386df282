using MailKit.Net.Smtp;

namespace Processor.Worker.Notifications;

/// <summary>
/// Pools connections to the mail server: greeting, handshake and login cost more than a mail. A client per sending slot would spread
/// consecutive mails over many cold sessions; the pool reuses the last one and closes the others.
/// </summary>
internal sealed class SmtpConnections : IDisposable
{
    // Servers limit the number of connections and close idle ones.
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    // Within this time after its last mail, a connection is reused without a check. If the server closed it meanwhile, one attempt fails.
    private static readonly TimeSpan TrustedTime = TimeSpan.FromSeconds(1);

    // Time limit of the check: it must leave enough time for a new connection and the mail.
    private static readonly TimeSpan CheckTime = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromSeconds(2);

    private readonly SmtpConnector _connector;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();

    // In the order they were returned; the last is taken first, so that the surplus ages and is closed.
    private readonly List<IdleConnection> _idle = [];

    // Twice in each idle time, so that few are found too old when they are taken.
    private readonly ITimer _closing;

    public SmtpConnections(EmailOptions options, TimeProvider time)
    {
        _connector = new SmtpConnector(options);
        _time = time;
        _closing = time.CreateTimer(_ => Close(TakeOlderThan(IdleTime)), null, IdleTime / 2, IdleTime / 2);
    }

    /// <summary>A working connection for exclusive use. The caller returns it in every case.</summary>
    /// <param name="isInternational">For one mail that needs SMTPUTF8; the server may not offer it.</param>
    public async Task<SmtpClient> TakeAsync(bool isInternational, CancellationToken cancellationToken)
    {
        if (!isInternational && TakeLast() is { } last)
        {
            if (await IsUsableAsync(last, cancellationToken))
            {
                return last.Client;
            }

            // Does not try the older ones: checks would use up the time for the mail, and idle connections close by themselves.
            last.Client.Dispose();
        }

        return await _connector.ConnectAsync(isInternational, cancellationToken);
    }

    /// <param name="isWell">
    /// True when the server accepted the last mail, or refused only that mail. Otherwise the connection is closed: the refusal may concern
    /// the session ("too many messages"), and the next mail would use this connection.
    /// </param>
    public async Task ReturnAsync(SmtpClient client, bool isWell, CancellationToken cancellationToken)
    {
        // Connections with SMTPUTF8 are closed: they are rare, and no other mail may use them.
        if (isWell && client.IsConnected && !client.Capabilities.HasFlag(SmtpCapabilities.UTF8))
        {
            Keep(client);
            return;
        }

        using (client)
        {
            // Uses the attempt's own time limit: once it expires, MailKit stops waiting for the reply and does not throw.
            await client.DisconnectAsync(quit: true, cancellationToken);
        }
    }

    public void Dispose()
    {
        _closing.Dispose();
        Close(TakeOlderThan(TimeSpan.Zero));
    }

    private void Keep(SmtpClient client)
    {
        lock (_lock)
        {
            _idle.Add(new IdleConnection(client, _time.GetTimestamp()));
        }
    }

    private IdleConnection? TakeLast()
    {
        lock (_lock)
        {
            if (_idle.Count == 0)
            {
                return null;
            }

            var last = _idle[^1];
            _idle.RemoveAt(_idle.Count - 1);
            return last;
        }
    }

    private async Task<bool> IsUsableAsync(IdleConnection connection, CancellationToken cancellationToken)
    {
        var idle = _time.GetElapsedTime(connection.Since);
        if (idle < TrustedTime)
        {
            return true;
        }

        if (idle >= IdleTime)
        {
            return false;
        }

        using var timeout = new CancellationTokenSource(CheckTime, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await connection.Client.NoOpAsync(either.Token);
            return true;
        }
        catch (Exception)
        {
            // The server may close idle connections, or it is unreachable.
            return false;
        }
    }

    private IdleConnection[] TakeOlderThan(TimeSpan age)
    {
        lock (_lock)
        {
            IdleConnection[] old = [.. _idle.TakeWhile(connection => _time.GetElapsedTime(connection.Since) >= age)];
            _idle.RemoveRange(0, old.Length);
            return old;
        }
    }

    private static void Close(IdleConnection[] connections)
    {
        using var patience = new CancellationTokenSource(GoodbyeTime);
        foreach (var (client, _) in connections)
        {
            try
            {
                client.Disconnect(quit: true, patience.Token);
            }
            catch (Exception)
            {
                // QUIT failed; throwing on a timer would end the process.
            }

            client.Dispose();
        }
    }

    /// <param name="Since">When it was returned.</param>
    private sealed record IdleConnection(SmtpClient Client, long Since);
}
