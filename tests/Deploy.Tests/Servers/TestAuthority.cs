using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Deploy.Tests.Servers;

/// <summary>An authority made for a test, as cert-manager and CloudNativePG make theirs: nobody believes it who is not told to.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly X509Certificate2 _certificate;
    private readonly string _folder;

    public TestAuthority(string folder, string name)
    {
        _folder = Directory.CreateDirectory(folder).FullName;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(2));
        File.WriteAllText(PathOf("ca.crt"), _certificate.ExportCertificatePem());
    }

    /// <summary>The authority's own certificate, for whoever is to believe it.</summary>
    public string CertificateFile => PathOf("ca.crt");

    /// <summary>Makes a certificate for a host, and its key.</summary>
    public TestCertificate Issue(string host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(
            _certificate, TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(PathOf("tls.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(PathOf("tls.key"), key.ExportPkcs8PrivateKeyPem());
        // PostgreSQL refuses a key that others may read.
        File.SetUnixFileMode(PathOf("tls.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new TestCertificate(PathOf("tls.crt"), PathOf("tls.key"));
    }

    public void Dispose() => _certificate.Dispose();

    private string PathOf(string name) => Path.Combine(_folder, name);
}

/// <summary>What a server shows.</summary>
internal sealed record TestCertificate(string CertificateFile, string KeyFile);
