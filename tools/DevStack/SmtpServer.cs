using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Platform.DevStack;

/// <summary>
/// A private mail server, Debian's aiosmtpd, that keeps every mail in a file. It refuses recipients whose address begins with <c>unknown</c>
/// permanently, and those with <c>later</c> temporarily. While its folder contains a file <c>silent</c>, it does not answer NOOP.
/// </summary>
public static class SmtpServer
{
    /// <summary>The user name, where the server requires a login.</summary>
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

    /// <param name="security"><c>None</c>, <c>StartTls</c> or <c>Tls</c>, with an untrusted certificate for <c>localhost</c>.</param>
    /// <param name="password">The password; empty: no login is required.</param>
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
            token => Machine.AcceptsAsync(port, token));
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
}

/// <summary>A running mail server.</summary>
/// <param name="Folder">Folder of the mails, the certificate and the log.</param>
public sealed record SmtpInstance(int Port, string Folder, ServerProcess Process)
{
    /// <summary>
    /// Received mails in order of arrival. Each starts with the recipients (<c>X-To</c>), the logged-in user (<c>X-User</c>) and the client port
    /// (<c>X-Connection</c>), before its own headers.
    /// </summary>
    public IReadOnlyList<string> Mails => [.. Directory.GetFiles(Folder, "*.eml").Order(StringComparer.Ordinal).Select(File.ReadAllText)];

    /// <summary>The certificate file; a client with this <c>SSL_CERT_FILE</c> trusts the server.</summary>
    public string Certificate => Path.Combine(Folder, "cert.pem");
}
