using MailKit.Net.Smtp;
using MailKit.Security;

namespace Processor.Worker.Notifications;

/// <summary>Opens sessions with the mail server: greeting, encryption, login.</summary>
internal sealed class SmtpConnector(EmailOptions options)
{
    /// <param name="isInternational">
    /// True to use SMTPUTF8 if the server offers it. When false, domains are sent in ASCII: with SMTPUTF8, MailKit sends them in Unicode,
    /// and the next server on the way may not accept that.
    /// </param>
    /// <exception cref="Exception">Various types, for faults of the server, the network or the settings; never for a mail.</exception>
    public async Task<SmtpClient> ConnectAsync(bool isInternational, CancellationToken cancellationToken)
    {
        var security = options.Security switch
        {
            EmailSecurity.StartTls => SecureSocketOptions.StartTls,
            EmailSecurity.Tls => SecureSocketOptions.SslOnConnect,
            EmailSecurity.None => SecureSocketOptions.None,
            var other => throw new InvalidOperationException($"Unknown security mode {other}."),
        };
        var client = new SmtpClient
        {
            // Revocation lists are often unreachable from a network that only reaches the mail server.
            CheckCertificateRevocation = false,
        };
        try
        {
            await client.ConnectAsync(options.Host, options.Port, security, cancellationToken);
            if (options.User.Length > 0)
            {
                await client.AuthenticateAsync(options.User, options.Password, cancellationToken);
            }

            // After the login, since its reply may change the capabilities.
            client.Capabilities &= isInternational ? client.Capabilities : ~SmtpCapabilities.UTF8;
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }
}
