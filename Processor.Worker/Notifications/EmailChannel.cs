using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using Microsoft.Extensions.Options;

namespace Processor.Worker.Notifications;

/// <summary>Tells by e-mail.</summary>
internal sealed class EmailChannel(IOptions<EmailOptions> options) : INotificationChannel
{
    public string Name => "email";

    public bool IsConfigured => options.Value.IsConfigured;

    public async Task<Delivery> SendAsync(Notice notice, CancellationToken cancellationToken)
    {
        using var message = EmailMessage.Of(notice, options.Value);
        // A connection for each mail: pooled ones die unnoticed, and at our rate a server does not mind.
        using var client = new SmtpClient
        {
            // The lists of the authorities are often out of reach from where only the mail server is not.
            CheckCertificateRevocation = false,
        };
        try
        {
            await ConnectAsync(client, cancellationToken);
            await client.SendAsync(message, cancellationToken);
        }
        catch (SmtpCommandException exception)
        {
            return IsRefusal(exception.StatusCode) ? Delivery.Refused(Describe(exception)) : Delivery.Failed(Describe(exception));
        }
        catch (Exception exception) when (exception is IOException or ProtocolException or AuthenticationException or SslHandshakeException
            or System.Net.Sockets.SocketException or ServiceNotConnectedException or NotSupportedException)
        {
            return Delivery.Failed($"SMTP: {exception.GetType().Name}");
        }

        // The server has the mail; that it does not say goodbye any more must not send another.
        await client.DisconnectAsync(quit: true, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return Delivery.Delivered;
    }

    private async Task ConnectAsync(SmtpClient client, CancellationToken cancellationToken)
    {
        var security = options.Value.Security switch
        {
            EmailSecurity.StartTls => SecureSocketOptions.StartTls,
            EmailSecurity.Tls => SecureSocketOptions.SslOnConnect,
            EmailSecurity.None => SecureSocketOptions.None,
            var other => throw new InvalidOperationException($"{other} is not a security."),
        };
        await client.ConnectAsync(options.Value.Host, options.Value.Port, security, cancellationToken);
        if (options.Value.User.Length > 0)
        {
            await client.AuthenticateAsync(options.Value.User, options.Value.Password, cancellationToken);
        }
    }

    /// <summary>5xx: not this mail, never. But that the server does not know us is mended by an operator, not by giving up.</summary>
    private static bool IsRefusal(SmtpStatusCode status) => (int)status is >= 500 and < 600 and not (530 or 534 or 535 or 538);

    // Without the server's words: they repeat the address.
    private static string Describe(SmtpCommandException exception) => $"SMTP {(int)exception.StatusCode} ({exception.ErrorCode})";
}
