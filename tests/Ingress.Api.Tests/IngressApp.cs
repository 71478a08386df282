using System.Globalization;
using Ingress.Api.Publishing;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Ingress.Api.Tests;

/// <summary>The ingress with its real server and an in-memory broker. The clock moves only when a test advances it.</summary>
internal sealed class IngressApp : WebApplicationFactory<IngressMetrics>
{
    public const string Secret = "mhw_live_ExampleOnly000000000000000000000";

    private readonly Dictionary<string, string?> _settings;

    public IngressApp(params (string Name, string Value)[] settings)
    {
        _settings = new Dictionary<string, string?>
        {
            // Not set as the port of UseKestrel, which is applied when the server may already be running.
            ["urls"] = "http://127.0.0.1:0",
            ["ConnectionStrings:RabbitMq"] = "amqp://127.0.0.1:1/",
            ["MagicHour:WebhookSecrets:0"] = Secret,
        };
        foreach (var (name, value) in settings)
        {
            _settings[name] = value;
        }

        UseKestrel();
        StartServer();
        Address = ClientOptions.BaseAddress;
    }

    public FakeTimeProvider Time { get; } = new(DateTimeOffset.FromUnixTimeSeconds(1787234642));

    public LogLines Log { get; } = new();

    public Uri Address { get; }

    public InMemoryBroker Broker => Services.GetRequiredService<InMemoryBroker>();

    /// <summary>Posts a body, signed with the secret.</summary>
    public async Task<HttpResponseMessage> SendAsync(byte[] body, DateTimeOffset? signedAt = null, string secret = Secret, string? contentType = "application/json")
    {
        var timestamp = Signing.Timestamp(signedAt ?? Time.GetUtcNow());
        return await PostAsync(body, timestamp, Signing.Sign(secret, timestamp, body), contentType);
    }

    /// <summary>Advances the clock until a line with this text is logged: some lines summarize a whole interval.</summary>
    public Task UntilLoggedAsync(string text) => Waiting.UntilAsync(
        $"'{text}' is logged",
        () =>
        {
            Time.Advance(TimeSpan.FromSeconds(10));
            return Task.FromResult(Log.Lines.Any(line => line.Contains(text, StringComparison.Ordinal)));
        },
        TestContext.Current.CancellationToken);

    /// <summary>Posts a body with these headers; null omits a header.</summary>
    public async Task<HttpResponseMessage> PostAsync(byte[] body, string? timestamp, string? signature, string? contentType = "application/json")
    {
        using var client = CreateClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/webhook") { Content = new ByteArrayContent(body) };
        if (contentType is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("content-type", contentType);
        }

        if (timestamp is not null)
        {
            request.Headers.TryAddWithoutValidation(Signing.TimestampHeader, timestamp);
        }

        if (signature is not null)
        {
            request.Headers.TryAddWithoutValidation(Signing.SignatureHeader, signature);
        }

        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    protected override IHost CreateHost(IHostBuilder builder)
    {
        builder.ConfigureHostConfiguration(configuration => configuration.AddInMemoryCollection(_settings));
        return base.CreateHost(builder);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.ConfigureLogging(logging => logging.ClearProviders().AddProvider(Log));
        builder.ConfigureServices(services =>
        {
            services.AddSingleton<InMemoryBroker>();
            services.AddHostedService(provider => provider.GetRequiredService<InMemoryBroker>());
            services.Replace(ServiceDescriptor.Singleton<TimeProvider>(Time));
            // There is no RabbitMQ to connect to: publishes are attempted while the broker's state is unknown.
            services.Remove(services.Single(service =>
                service.ServiceType == typeof(IHostedService) && service.ImplementationFactory?.Method.ReturnType == typeof(PublisherConnection)));
        });
    }
}

/// <summary>Every logged line, as printed.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> _lines = new();

    public IReadOnlyCollection<string> Lines => _lines;

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{logLevel}: {formatter(state, exception)} {exception}"));

    public void Dispose()
    {
    }
}
