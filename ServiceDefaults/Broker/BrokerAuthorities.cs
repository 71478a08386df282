using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Platform.ServiceDefaults.Broker;

/// <summary>
/// The certificate authorities trusted for the broker instead of the system's: a PEM file
/// with one or more. They are trusted for no other server.
/// </summary>
public static class BrokerAuthorities
{
    /// <summary>
    /// Finds what is wrong with the file, worded to follow the setting's name. Null when it is usable, or when there is no file.
    /// </summary>
    /// <param name="file">Its path; null or empty: none.</param>
    public static string? FindError(string? file)
    {
        if (string.IsNullOrEmpty(file))
        {
            return null;
        }

        try
        {
            return Read(file).Any(IsRoot) ? null : $"'{file}' has no root certificate, one that its own authority signed.";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return $"'{file}' cannot be read: {exception.Message}";
        }
        catch (CryptographicException)
        {
            return $"'{file}' has a certificate that is damaged.";
        }
    }

    /// <summary>
    /// Verifies a server's certificate against the file, which is read for each connection: during a rotation it contains both authorities,
    /// and no restart is needed. Null when there is no file, which leaves .NET's own verification in place.
    /// </summary>
    /// <param name="file">Its path; null or empty: none.</param>
    public static RemoteCertificateValidationCallback? CreateVerifier(string? file) => string.IsNullOrEmpty(file)
        ? null
        : (_, certificate, chain, errors) => Verify(file, certificate as X509Certificate2, chain, errors);

    private static bool Verify(string file, X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        // It does not matter whether the chain leads to the system's authorities. A missing certificate or a wrong name remains an error.
        if (certificate is null || chain is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) is not SslPolicyErrors.None)
        {
            return false;
        }

        // Build the chain again with the handshake's intermediate certificates, purpose and revocation mode: only the roots differ.
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(Read(file));
        return chain.Build(certificate);
    }

    /// <exception cref="IOException">The file does not exist.</exception>
    /// <exception cref="UnauthorizedAccessException">The file cannot be accessed, or is a folder.</exception>
    /// <exception cref="CryptographicException">A certificate in it is damaged.</exception>
    private static X509Certificate2Collection Read(string file)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPemFile(file);
        return certificates;
    }

    private static bool IsRoot(X509Certificate2 certificate) => certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
}
