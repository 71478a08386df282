using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Platform.ServiceDefaults.Broker;

namespace ServiceDefaults.Tests;

/// <summary>Valid contents of a file of authorities. The tests of its users show which servers it makes trusted.</summary>
public sealed class BrokerAuthoritiesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("authorities");

    private string File => Path.Combine(_folder.FullName, "ca.crt");

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void No_file_means_the_system(string? file)
    {
        Assert.Null(BrokerAuthorities.FindError(file));
        Assert.Null(BrokerAuthorities.CreateVerifier(file));
    }

    [Fact]
    public void A_file_may_hold_several_authorities_and_what_they_have_signed()
    {
        using var root = CreateRoot("root");
        using var next = CreateRoot("next");
        using var intermediate = CreateIntermediate(root);
        Write(intermediate.ExportCertificatePem(), root.ExportCertificatePem(), "# a comment", next.ExportCertificatePem());

        Assert.Null(BrokerAuthorities.FindError(File));
        Assert.NotNull(BrokerAuthorities.CreateVerifier(File));
    }

    [Fact]
    public void A_file_that_no_server_could_satisfy_is_an_error()
    {
        using var root = CreateRoot("root");
        using var intermediate = CreateIntermediate(root);
        using var key = root.GetECDsaPrivateKey()!;
        var written = root.ExportCertificatePem();

        Assert.Contains("Could not find file", BrokerAuthorities.FindError(File), StringComparison.Ordinal);
        Assert.Contains("cannot be read", BrokerAuthorities.FindError(_folder.FullName), StringComparison.Ordinal);
        Assert.Contains("no root certificate", FindErrorOf(""), StringComparison.Ordinal);
        Assert.Contains("no root certificate", FindErrorOf(key.ExportPkcs8PrivateKeyPem()), StringComparison.Ordinal);
        Assert.Contains("no root certificate", FindErrorOf(intermediate.ExportCertificatePem()), StringComparison.Ordinal);
        Assert.Contains("damaged", FindErrorOf(written.Replace(written[100..140], new string('A', 40), StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string? FindErrorOf(string text)
    {
        Write(text);
        return BrokerAuthorities.FindError(File);
    }

    private void Write(params string[] parts) => System.IO.File.WriteAllText(File, string.Join('\n', parts));

    private static X509Certificate2 CreateRoot(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return CreateRequest(name, key).CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
    }

    private static X509Certificate2 CreateIntermediate(X509Certificate2 root)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return CreateRequest("intermediate", key).Create(root, root.NotBefore, root.NotAfter, [1]);
    }

    private static CertificateRequest CreateRequest(string name, ECDsa key)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request;
    }
}
