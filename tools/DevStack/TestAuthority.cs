using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Platform.DevStack;

/// <summary>A certificate authority for a test, like those of cert-manager and CloudNativePG: only programs configured to do so trust it.</summary>
public sealed class TestAuthority : IDisposable
{
    private readonly X509Certificate2 _certificate;
    private readonly string _folder;
    private int _issued;

    /// <param name="constraints">Name constraints, as a DER extension; null for none.</param>
    public TestAuthority(string folder, string name, X509Extension? constraints = null)
    {
        _folder = Directory.CreateDirectory(folder).FullName;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        if (constraints is not null)
        {
            request.CertificateExtensions.Add(constraints);
        }

        _certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-3), TimeProvider.System.GetUtcNow().AddDays(2));
        File.WriteAllText(CertificateFile, _certificate.ExportCertificatePem());
    }

    /// <summary>The authority's certificate, for clients that should trust it.</summary>
    public string CertificateFile => Path.Combine(_folder, "ca.crt");

    /// <summary>Issues a certificate and key for a host.</summary>
    /// <param name="isExpired">The certificate expired yesterday.</param>
    public TestCertificate Issue(string host, bool isExpired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.Create(_certificate, now.AddDays(-2), now.AddDays(isExpired ? -1 : 1), RandomNumberGenerator.GetBytes(8));
        var issued = new TestCertificate(Path.Combine(_folder, $"tls-{++_issued}.crt"), Path.Combine(_folder, $"tls-{_issued}.key"));
        File.WriteAllText(issued.CertificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(issued.KeyFile, key.ExportPkcs8PrivateKeyPem());
        // PostgreSQL rejects a key file that other users can read.
        File.SetUnixFileMode(issued.KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return issued;
    }

    public void Dispose() => _certificate.Dispose();
}

/// <summary>A server certificate and its key, as PEM files.</summary>
public sealed record TestCertificate(string CertificateFile, string KeyFile)
{
    /// <summary>The certificate with its key, for a server in this process.</summary>
    public X509Certificate2 Load() => X509Certificate2.CreateFromPemFile(CertificateFile, KeyFile);
}
