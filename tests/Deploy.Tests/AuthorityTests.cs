using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>
/// The broker's certificate authority vouches for nothing but the broker, whoever trusts it: KEDA and the topology operator do too.
/// </summary>
public sealed class AuthorityTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("authority");

    [Fact]
    public async Task The_authority_is_constrained_to_the_names_of_the_broker()
    {
        var (constraints, names) = await ReadAsync();
        var domains = Texts(constraints, "permitted.dnsDomains");

        Assert.Equal("true", $"{constraints["critical"]}");
        Assert.Equal(["0.0.0.0/0", "::/0"], Texts(constraints, "excluded.ipRanges"));
        Assert.All(names, name => Assert.Contains(domains, domain => name == domain || name.EndsWith($".{domain}", StringComparison.Ordinal)));
        Assert.All(domains, domain => Assert.Contains(names, name => name == domain || name == $"*.{domain}"));
    }

    [Fact]
    public async Task A_certificate_of_the_brokers_authority_for_another_host_is_refused()
    {
        var (constraints, names) = await ReadAsync();
        using var authority = new TestAuthority(_folder.FullName, "broker authority", Write(constraints));

        Assert.All(names, name => Assert.True(IsBelieved(authority, name), name));
        Assert.All(["smtp.example.com", "broker.example.com", "other.svc", "198.51.100.7", "2001:db8::7"], host => Assert.False(IsBelieved(authority, host), host));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static bool IsBelieved(TestAuthority authority, string host)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(authority.Issue(host).CertificateFile);
        using var root = X509CertificateLoader.LoadCertificateFromFile(authority.CertificateFile);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }

    private static async Task<(JsonObject Constraints, string[] Names)> ReadAsync()
    {
        var certificates = Manifests.Parse(await Overlay.ReadAsync(Overlay.Production)).Of("Certificate").ToDictionary(certificate => certificate.NameOf());
        return (certificates["broker-authority"].At("spec.nameConstraints")!.AsObject(), Texts(certificates["broker"], "spec.dnsNames"));
    }

    private static string[] Texts(JsonNode node, string path) => [.. node.At(path)!.AsArray().Select(text => $"{text}")];

    // RFC 5280, section 4.2.1.10.
    private static X509Extension Write(JsonObject constraints)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            WriteSubtrees(writer, 0, Texts(constraints, "permitted.dnsDomains"), (tag, domain) => writer.WriteCharacterString(UniversalTagNumber.IA5String, domain, tag), 2);
            WriteSubtrees(writer, 1, Texts(constraints, "excluded.ipRanges"), (tag, range) => writer.WriteOctetString(BytesOf(range), tag), 7);
        }

        return new X509Extension("2.5.29.30", writer.Encode(), critical: true);
    }

    private static void WriteSubtrees(AsnWriter writer, int tag, string[] names, Action<Asn1Tag, string> write, int kind)
    {
        using var subtrees = writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, tag));
        foreach (var name in names)
        {
            using var subtree = writer.PushSequence();
            write(new Asn1Tag(TagClass.ContextSpecific, kind), name);
        }
    }

    // All of IPv4 or IPv6: an address and a mask of zeros.
    private static byte[] BytesOf(string range) => new byte[2 * IPNetwork.Parse(range).BaseAddress.GetAddressBytes().Length];
}
