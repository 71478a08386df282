using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Platform.LocalStack;

/// <summary>
/// A private mail server, Debian's aiosmtpd: keeps every mail in a file. A recipient whose address begins with <c>unknown</c> is refused for
/// ever, and one with <c>later</c> for now. While there is a file <c>silent</c> in its folder, it does not answer who asks whether it is there.
/// </summary>
public static class SmtpServer
{
    /// <summary>Who may log in where the server asks for it.</summary>
    public const string User = "platform";

    private const string Python = "/usr/bin/python3";

    private const string Script =
        """
        import asyncio, itertools, os, ssl, sys
        from aiosmtpd.smtp import SMTP, AuthResult

        port, folder, security, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].encode()
        numbers = itertools.count(len([name for name in os.listdir(folder) if name.endswith('.eml')]))

        class Mails:
            async def handle_NOOP(self, server, session, envelope, argument):
                if os.path.exists(os.path.join(folder, 'silent')): await asyncio.sleep(3600)
                return '250 OK'

            async def handle_RCPT(self, server, session, envelope, address, options):
                if address.startswith('unknown'): return '550 5.1.1 <' + address + '> is nobody here'
                if address.startswith('later'): return '451 4.3.0 <' + address + '> later'
                envelope.rcpt_tos.append(address)
                return '250 OK'

            async def handle_DATA(self, server, session, envelope):
                path = os.path.join(folder, '%06d' % next(numbers))
                with open(path, 'wb') as file:
                    file.write(('X-To: %s\r\nX-User: %s\r\n' % (','.join(envelope.rcpt_tos), session.auth_data or '')).encode())
                    file.write(('X-Connection: %d\r\n' % session.peer[1]).encode())
                    file.write(envelope.original_content)
                os.rename(path, path + '.eml')
                return '250 OK'

        def authenticate(server, session, envelope, mechanism, data):
            ok = data.login == b'platform' and data.password == password
            return AuthResult(success=ok, handled=ok, auth_data=data.login.decode())

        tls = None
        if security != 'None':
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(os.path.join(folder, 'cert.pem'), os.path.join(folder, 'key.pem'))
        wraps = security == 'Tls'

        def create():
            return SMTP(
                Mails(), enable_SMTPUTF8=True, hostname='localhost', tls_context=None if wraps else tls, require_starttls=security == 'StartTls',
                authenticator=authenticate if password else None, auth_required=bool(password), auth_require_tls=not wraps)

        async def main():
            server = await asyncio.get_running_loop().create_server(create, '127.0.0.1', port, ssl=tls if wraps else None)
            await server.serve_forever()

        asyncio.run(main())
        """;

    public static bool IsInstalled => Directory.Exists("/usr/lib/python3/dist-packages/aiosmtpd");

    /// <param name="security"><c>None</c>, <c>StartTls</c> or <c>Tls</c>, with a certificate for <c>localhost</c> that nobody trusts yet.</param>
    /// <param name="password">What the user must know; empty: nobody logs in.</param>
    public static async Task<SmtpInstance> StartAsync(
        string folder, DaemonRegistry daemons, CancellationToken cancellationToken, string security = "None", string password = "")
    {
        await ServerPackages.EnsureMailServerAsync(cancellationToken);
        Directory.CreateDirectory(folder);
        var script = Path.Combine(folder, "server.py");
        await File.WriteAllTextAsync(script, Script, cancellationToken);
        WriteCertificate(folder);
        var port = Machine.FreePort();
        var process = new ServerProcess(
            "aiosmtpd",
            daemons,
            () => Daemon.Start("aiosmtpd", Path.Combine(folder, "log"), Python, [script, $"{port}", folder, security, password]),
            token => AnswersAsync(port, token));
        await process.StartAsync(cancellationToken);
        return new SmtpInstance(port, folder, process);
    }

    private static void WriteCertificate(string folder)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(Path.Combine(folder, "cert.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, "key.pem"), key.ExportPkcs8PrivateKeyPem());
    }

    private static async Task<bool> AnswersAsync(int port, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync("127.0.0.1", port, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>A mail server that runs.</summary>
/// <param name="Folder">Its mails, its certificate and its log.</param>
public sealed record SmtpInstance(int Port, string Folder, ServerProcess Process)
{
    /// <summary>
    /// What has arrived, in that order, each with the recipients (<c>X-To</c>), who logged in (<c>X-User</c>) and the port that it came from
    /// (<c>X-Connection</c>) before its own headers.
    /// </summary>
    public IReadOnlyList<string> Mails => [.. Directory.GetFiles(Folder, "*.eml").Order(StringComparer.Ordinal).Select(File.ReadAllText)];

    /// <summary>For <c>SSL_CERT_FILE</c>: who has it trusts the server.</summary>
    public string Certificate => Path.Combine(Folder, "cert.pem");
}
