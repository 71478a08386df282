using Ingress.Api;
using Ingress.Api.Hosting;
using Ingress.Api.Webhooks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Platform.DevStack;

namespace Deploy.Tests.Checks;

/// <summary>The memory that strangers and the sender can make an ingress hold at once fits its pod.</summary>
internal static class IngressMemoryChecks
{
    private const long KiB = 1024;
    private const long MiB = 1024 * KiB;

    /// <summary>Memory at rest, including mapped code: 86 MB, of which 18 are the heap (VmRSS and RssAnon, 2026-11-29).</summary>
    private const long AtRest = 100 * MiB;
    private const long HeapAtRest = 32 * MiB;

    /// <summary>Memory of a connection that has sent nothing: 9.3 kB (9,000 of them, VmRSS, 2026-11-29).</summary>
    private const long Connection = 10 * KiB;

    /// <summary>The transport fills blocks of this size, so the last one may exceed the limit.</summary>
    private const long Block = 4 * KiB;

    /// <summary>Buffers of a TLS connection: a record to read and one to write, plus the library's own state. An estimate.</summary>
    private const long TlsConnection = 64 * KiB;

    /// <summary>Message, confirm and waiting tasks, in addition to the body.</summary>
    private const long Publish = 8 * KiB;

    /// <summary>While a body is published, it is in memory as received, as a message a third longer (base64), and as a frame.</summary>
    private const int CopiesOfABody = 4;

    public static IEnumerable<string> Find(Manifests manifests) =>
        from pods in Pods.From(manifests)
        where pods.AreIngress
        let limit = pods.Containers.Single().Resources?.Limits?["memory"].ToInt64() ?? 0
        from fault in Find(SettingsChecks.SettingsOf(manifests, pods), limit)
        select $"{pods.Name} {fault}";

    /// <param name="settings">Settings in addition to appsettings.json, named as in the environment.</param>
    public static IEnumerable<string> Find(IReadOnlyDictionary<string, string> settings, long limit)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration
            .AddJsonFile(Path.Combine(Machine.Root, "Ingress.Api", "appsettings.json"))
            .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), (string?)setting.Value)));
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton<IngressMetrics>().AddWebhooks();
        builder.AddServer();
        using var provider = builder.Services.BuildServiceProvider();
        var ingress = provider.GetRequiredService<IOptions<IngressOptions>>().Value;
        var server = provider.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;
        var endsTls = settings.Values.Any(value => value.Contains("https://*", StringComparison.OrdinalIgnoreCase));
        var held = CopiesOfABody * ingress.MaxBodyBytesInFlight
            + ingress.MaxConnections * (OfConnection(server) + (endsTls ? TlsConnection : 0))
            + ingress.MaxPublishesInFlight * Publish
            + TelemetryMemory.Sum(builder.Configuration);
        return
        [
            .. held + AtRest > limit ? [$"can need {(held + AtRest) / MiB} MiB of {limit / MiB}"] : Array.Empty<string>(),
            // .NET itself keeps its heap within three quarters of the limit.
            .. held + HeapAtRest > limit / 4 * 3 ? [$"can need {(held + HeapAtRest) / MiB} MiB of heap, and has {limit / MiB / 4 * 3}"] : Array.Empty<string>(),
        ];
    }

    /// <summary>
    /// Memory that a stranger can make one connection hold: a request line and headers as text, at two bytes per character, while more is
    /// received and the previous response is not read. The system's own buffers shrink when the pod runs short of memory.
    /// </summary>
    private static long OfConnection(KestrelServerLimits server) =>
        Connection
        + (server.MaxRequestBufferSize ?? throw new InvalidOperationException("Buffers for requests have no limit.")) + Block
        + (server.MaxResponseBufferSize ?? throw new InvalidOperationException("Buffers for answers have no limit."))
        + 2L * (server.MaxRequestLineSize + server.MaxRequestHeadersTotalSize);
}
