using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using Microsoft.Extensions.Options;
using MimeKit;

namespace Processor.Worker.Notifications;

/// <summary>Tells by e-mail.</summary>
internal sealed class EmailChannel(IOptions<EmailOptions> options, TimeProvider time) : INotificationChannel, IDisposable
{
    private readonly SmtpConnections _connections = new(options.Value, time);

    public string Name => "email";

    public bool IsConfigured => options.Value.IsConfigured;

    public async Task<Delivery> SendAsync(Notice notice, CancellationToken cancellationToken)
    {
        using var message = EmailMessage.Of(notice, options.Value);
        try
        {
            await SendAsync(message, cancellationToken);
            return Delivery.Delivered;
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
    }

    public void Dispose() => _connections.Dispose();

    private async Task SendAsync(MimeMessage message, CancellationToken cancellationToken)
    {
        var client = await _connections.TakeAsync(cancellationToken);
        try
        {
            await client.SendAsync(message, cancellationToken);
        }
        finally
        {
            _connections.GiveBack(client);
        }
    }

    /// <summary>5xx: not this mail, never. But that the server does not know us is mended by an operator, not by giving up.</summary>
    private static bool IsRefusal(SmtpStatusCode status) => (int)status is >= 500 and < 600 and not (530 or 534 or 535 or 538);

    // Without the server's words: they repeat the address.
    private static string Describe(SmtpCommandException exception) => $"SMTP {(int)exception.StatusCode} ({exception.ErrorCode})";
}
