using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Platform.DevStack;
using Processor.Worker.Broker;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>How <c>migrate</c> interprets the responses of the management API.</summary>
public sealed class BrokerManagementTests
{
    private const string Bindings =
        """
        [{"source":"","destination":"webhook-received","destination_type":"queue"},
         {"source":"Platform.Contracts:WebhookReceived","destination":"webhook-received","destination_type":"exchange"},
         {"source":"Platform.Contracts:WebhookQuarantined","destination":"webhook-received","destination_type":"exchange"},
         {"source":"webhook-received","destination":"webhook-received","destination_type":"queue"},
         {"source":"webhook-received_dead","destination":"webhook-received_dead","destination_type":"queue"},
         {"source":"Platform.Contracts:RegisterJob","destination":"register-job","destination_type":"exchange"},
         {"source":"register-job","destination":"register-job","destination_type":"queue"},
         {"source":"register-job_dead","destination":"register-job_dead","destination_type":"queue"},
         {"source":"webhook-received_error","destination":"webhook-received_error","destination_type":"queue"},
         {"source":"webhook-received_skipped","destination":"webhook-received_skipped","destination_type":"queue"},
         {"source":"register-job_error","destination":"register-job_error","destination_type":"queue"},
         {"source":"register-job_skipped","destination":"register-job_skipped","destination_type":"queue"}]
        """;

    [Theory]
    [InlineData("nothing", new string[0])]
    [InlineData("\"source\":\"Platform.Contracts:WebhookQuarantined\"", new[] { "exchange Platform.Contracts:WebhookQuarantined does not lead to queue webhook-received" })]
    [InlineData("\"source\":\"webhook-received_dead\"", new[] { "exchange webhook-received_dead does not lead to queue webhook-received_dead" })]
    [InlineData("\"source\":\"Platform.Contracts:RegisterJob\"", new[] { "exchange Platform.Contracts:RegisterJob does not lead to queue register-job" })]
    [InlineData("\"source\":\"webhook-received_error\"", new[] { "exchange webhook-received_error does not lead to queue webhook-received_error" })]
    public void A_missing_binding_is_a_fault(string missing, string[] faults)
    {
        using var bindings = JsonDocument.Parse(Bindings.Replace(missing, "\"source\":\"another\"", StringComparison.Ordinal));

        Assert.Equal(faults, BrokerManagement.FindMissingRoutes(bindings.RootElement).Select(route => $"exchange {route.Exchange} does not lead to queue {route.Queue}"));
    }

    [Theory]
    [InlineData("webhook-received", "{}", 0)]
    [InlineData("webhook-received", """{"effective_policy_definition":[]}""", 0)]
    [InlineData("webhook-received", """{"effective_policy_definition":{"delivery-limit":100,"max-length":5}}""", 0)]
    [InlineData("webhook-received_dead", """{"effective_policy_definition":{"max-length":5}}""", 1)]
    [InlineData("webhook-received", """{"effective_policy_definition":{"message-ttl":1000,"expires":1000}}""", 2)]
    public void A_policy_that_drops_messages_is_a_fault(string queue, string state, int faults)
    {
        using var document = JsonDocument.Parse(state);

        Assert.Equal(faults, BrokerManagement.FindHarmfulPolicies(queue, document.RootElement).Count());
    }

    [Fact]
    public async Task It_is_asked_directly_although_the_environment_names_a_proxy()
    {
        await using var management = WebApplication.CreateSlimBuilder().Build();
        management.Urls.Add("http://127.0.0.1:0");
        management.MapGet("/api/nodes", () => new[] { new { running = true } });
        await management.StartAsync(TestContext.Current.CancellationToken);
        var url = new Uri(management.Urls.First());
        using var proxied = new ProxiedAddress(url);
        var broker = new BrokerManagement(
            Options.Create(new ConnectionOptions { RabbitMq = "amqp://user:hush@127.0.0.1/" }),
            Options.Create(new BrokerOptions { ManagementUrl = url }),
            TimeProvider.System);

        Assert.Equal(1, await broker.CountNodesAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(true, "named", "localhost")]
    [InlineData(false, "another", "localhost")]
    [InlineData(false, "named", "another.example.com")]
    [InlineData(false, "named", "localhost", true)]
    [InlineData(false, "unnamed", "localhost")]
    public async Task It_is_trusted_by_the_named_authority_alone_and_for_its_own_name(bool isTrusted, string issuer, string host, bool isExpired = false)
    {
        var folder = Directory.CreateTempSubdirectory("management");
        using var named = new TestAuthority(Path.Combine(folder.FullName, "named"), "named");
        using var another = new TestAuthority(Path.Combine(folder.FullName, "another"), "another");
        using var certificate = (issuer == "another" ? another : named).Issue(host, isExpired).Load();
        await using var management = await StartAsync(certificate);
        var broker = new BrokerManagement(
            Options.Create(new ConnectionOptions { RabbitMq = "amqps://user:hush@localhost/" }),
            Options.Create(new BrokerOptions
            {
                ManagementUrl = new UriBuilder(management.Urls.First()) { Host = "localhost" }.Uri,
                CertificateAuthorities = issuer == "unnamed" ? null : named.CertificateFile,
            }),
            TimeProvider.System);

        var failure = await Record.ExceptionAsync(() => broker.CountNodesAsync(TestContext.Current.CancellationToken));

        Assert.Equal(isTrusted ? null : typeof(AuthenticationException), failure?.InnerException?.GetType());
        Assert.Equal(isTrusted, failure is null);
        folder.Delete(recursive: true);
    }

    private static async Task<WebApplication> StartAsync(X509Certificate2 certificate)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(server => server.ConfigureHttpsDefaults(https => https.ServerCertificate = certificate));
        var management = builder.Build();
        management.Urls.Add("https://127.0.0.1:0");
        management.MapGet("/api/nodes", () => new[] { new { running = true } });
        await management.StartAsync(TestContext.Current.CancellationToken);
        return management;
    }

    /// <summary>While it exists, this process has a proxy for one address, where nothing listens.</summary>
    private sealed class ProxiedAddress : IWebProxy, IDisposable
    {
        private readonly IWebProxy _before = HttpClient.DefaultProxy;
        private readonly Uri _address;

        public ProxiedAddress(Uri address)
        {
            _address = address;
            HttpClient.DefaultProxy = this;
        }

        public ICredentials? Credentials { get; set; }

        public Uri? GetProxy(Uri destination) => IsBypassed(destination) ? null : new Uri("http://127.0.0.1:9");

        public bool IsBypassed(Uri host) => host.Authority != _address.Authority;

        public void Dispose() => HttpClient.DefaultProxy = _before;
    }
}
