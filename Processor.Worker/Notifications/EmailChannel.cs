using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using Microsoft.Extensions.Options;
using MimeKit;
using Processor.Worker.Owners;

namespace Processor.Worker.Notifications;

/// <summary>Notifies by e-mail.</summary>
internal sealed class EmailChannel(IOptions<EmailOptions> options, TimeProvider time) : INotificationChannel, IDisposable
{
    private readonly SmtpConnections _connections = new(options.Value, time);

    public string Name => "email";

    public bool IsConfigured => options.Value.IsConfigured;

    public async Task<Delivery> SendAsync(NotificationDelivery notification, CancellationToken cancellationToken)
    {
        // Registered before the rules became strict.
        if (RegistrationRules.FindEmailError(notification.Address) is not null)
        {
            return Delivery.Refused("not an address that mail can be sent to");
        }

        using var message = EmailMessage.Create(notification, options.Value);
        try
        {
            var client = await _connections.TakeAsync(NeedsSmtpUtf8(message), cancellationToken);
            return await SendAsync(client, message, cancellationToken);
        }
        catch (SmtpCommandException exception)
        {
            return Delivery.Failed($"{SmtpReply.From(exception, isConnected: false)}");
        }
        catch (Exception exception) when (IsExpected(exception))
        {
            return Delivery.Failed($"SMTP: {exception.GetType().Name}");
        }
    }

    public void Dispose() => _connections.Dispose();

    private async Task<Delivery> SendAsync(SmtpClient client, MimeMessage message, CancellationToken cancellationToken)
    {
        var isWell = false;
        try
        {
            var delivery = await SendOverAsync(client, message, cancellationToken);
            isWell = true;
            return delivery;
        }
        catch (SmtpCommandException exception)
        {
            var delivery = Judge(SmtpReply.From(exception, isConnected: true));
            isWell = delivery.Outcome is not DeliveryOutcome.Failed;
            return delivery;
        }
        finally
        {
            await _connections.ReturnAsync(client, isWell, cancellationToken);
        }
    }

    private static async Task<Delivery> SendOverAsync(SmtpClient client, MimeMessage message, CancellationToken cancellationToken)
    {
        var isInternational = NeedsSmtpUtf8(message);
        if (isInternational && !client.Capabilities.HasFlag(SmtpCapabilities.UTF8))
        {
            return message.From.Mailboxes.Any(sender => sender.NeedsSmtpUtf8())
                ? Delivery.Failed("Email__From is not ASCII before the @, and the mail server does not offer SMTPUTF8")
                : Delivery.Refused("the address is not ASCII before the @, and the mail server does not offer SMTPUTF8");
        }

        var format = FormatOptions.Default.Clone();
        format.International = isInternational;
        await client.SendAsync(format, message, cancellationToken);
        return Delivery.Delivered;
    }

    private static bool NeedsSmtpUtf8(MimeMessage message) => message.From.Mailboxes.Concat(message.To.Mailboxes).Any(address => address.NeedsSmtpUtf8());

    private static Delivery Judge(SmtpReply reply) => reply switch
    {
        { AcceptsTheMessage: true } => Delivery.Delivered,
        { RefusesThisMail: true } => Delivery.Refused($"{reply}"),
        _ => Delivery.Failed($"{reply}"),
    };

    // MailKit throws ServiceNotAuthenticatedException for a 530 in reply to a mail.
    private static bool IsExpected(Exception exception) => exception is IOException or ProtocolException or AuthenticationException
        or SslHandshakeException or System.Net.Sockets.SocketException or ServiceNotConnectedException or ServiceNotAuthenticatedException
        or NotSupportedException;
}
