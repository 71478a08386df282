using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ingress.Api.Tests;

internal static class TestCertificate
{
    /// <summary>Creates a certificate for a server of this name, with its RSA key.</summary>
    public static X509Certificate2 SelfSigned(string host)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
    }
}
