using MailKit.Net.Smtp;
using MailKit.Security;

namespace Processor.Worker.Notifications;

/// <summary>Connections to the mail server, kept from one mail to the next: greeting, handshake and login cost more than a mail.</summary>
internal sealed class SmtpConnections : IDisposable
{
    // A server has only so many, and closes those that say nothing.
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    // In a burst, a connection that has just served is not asked whether it still does. If it was closed within that time, an attempt fails.
    private static readonly TimeSpan TrustedTime = TimeSpan.FromSeconds(1);

    // For asking: what does not answer by then must leave time for a new connection and the mail.
    private static readonly TimeSpan CheckTime = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromSeconds(2);

    private readonly EmailOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();

    // In the order in which they were given back; the last is taken first, so that the others grow old.
    private readonly List<IdleConnection> _idle = [];

    // For the oldest of them.
    private readonly ITimer _closing;

    public SmtpConnections(EmailOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _closing = time.CreateTimer(_ => CloseOld(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>One that answers, and that nobody else has. It is given back, whatever happened to it.</summary>
    public async Task<SmtpClient> TakeAsync(CancellationToken cancellationToken)
    {
        if (TakeLast() is { } last)
        {
            if (await IsUsableAsync(last, cancellationToken))
            {
                return last.Client;
            }

            // Those that are older are not asked: they would take the time of the mail, and grow too old by themselves.
            last.Client.Dispose();
        }

        return await ConnectAsync(cancellationToken);
    }

    public void GiveBack(SmtpClient client)
    {
        // After all but a refusal, it is closed.
        if (!client.IsConnected)
        {
            client.Dispose();
            return;
        }

        lock (_lock)
        {
            _idle.Add(new IdleConnection(client, _time.GetTimestamp()));
            if (_idle.Count == 1)
            {
                _closing.Change(IdleTime, Timeout.InfiniteTimeSpan);
            }
        }
    }

    public void Dispose()
    {
        _closing.Dispose();
        Close(TakeOlderThan(TimeSpan.Zero));
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
            // The server has closed it, as it may, or is out of reach by it.
            return false;
        }
    }

    private async Task<SmtpClient> ConnectAsync(CancellationToken cancellationToken)
    {
        var security = _options.Security switch
        {
            EmailSecurity.StartTls => SecureSocketOptions.StartTls,
            EmailSecurity.Tls => SecureSocketOptions.SslOnConnect,
            EmailSecurity.None => SecureSocketOptions.None,
            var other => throw new InvalidOperationException($"{other} is not a security."),
        };
        var client = new SmtpClient
        {
            // The lists of the authorities are often out of reach from where only the mail server is not.
            CheckCertificateRevocation = false,
        };
        try
        {
            await client.ConnectAsync(_options.Host, _options.Port, security, cancellationToken);
            if (_options.User.Length > 0)
            {
                await client.AuthenticateAsync(_options.User, _options.Password, cancellationToken);
            }

            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    private void CloseOld()
    {
        Close(TakeOlderThan(IdleTime));
        lock (_lock)
        {
            if (_idle.Count > 0)
            {
                var left = IdleTime - _time.GetElapsedTime(_idle[0].Since);
                _closing.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
            }
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
                // Not even a goodbye is possible; on a timer, telling so would end the process.
            }

            client.Dispose();
        }
    }

    /// <param name="Since">When it was given back.</param>
    private sealed record IdleConnection(SmtpClient Client, long Since);
}
