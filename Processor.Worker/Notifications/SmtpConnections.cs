using System.Collections.Concurrent;
using MailKit.Net.Smtp;
using MailKit.Security;

namespace Processor.Worker.Notifications;

/// <summary>Connections to the mail server, kept from one mail to the next: greeting, handshake and login cost more than a mail.</summary>
internal sealed class SmtpConnections : IDisposable
{
    // After a burst, none is kept: a server has only so many, and closes those that say nothing.
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromSeconds(2);

    private readonly EmailOptions _options;
    private readonly ConcurrentStack<SmtpClient> _idle = new();
    private readonly ITimer _closing;

    public SmtpConnections(EmailOptions options, TimeProvider time)
    {
        _options = options;
        _closing = time.CreateTimer(_ => CloseIdle(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>One that answers, and that nobody else has. It is given back, whatever happened to it.</summary>
    public async Task<SmtpClient> TakeAsync(CancellationToken cancellationToken)
    {
        while (_idle.TryPop(out var client))
        {
            try
            {
                await client.NoOpAsync(cancellationToken);
                return client;
            }
            catch (Exception)
            {
                // The server has closed it, as it may; or our time is over, and the next line says so.
                client.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
            }
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

        _idle.Push(client);
        _closing.Change(IdleTime, Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _closing.Dispose();
        CloseIdle();
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

    private void CloseIdle()
    {
        using var patience = new CancellationTokenSource(GoodbyeTime);
        while (_idle.TryPop(out var client))
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
}
