using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.ServiceDefaults.Broker;
using Processor.Worker.Persistence;

namespace Processor.Worker.Broker;

/// <summary>Reads what only the management API exposes: nodes, bindings and policies.</summary>
internal sealed class BrokerManagement(IOptions<ConnectionOptions> connections, IOptions<BrokerOptions> options, TimeProvider time)
{
    private const string PolicyProperty = "effective_policy_definition";

    // A new queue is described once it has sent its first statistics, every 5 s by default.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Every exchange that must lead to a queue; MassTransit defines the exchange names of contracts.</summary>
    public static IReadOnlyList<BrokerRoute> Routes { get; } =
    [
        new($"{typeof(WebhookReceived).Namespace}:{nameof(WebhookReceived)}", Topology.WebhookReceivedQueue),
        new($"{typeof(WebhookQuarantined).Namespace}:{nameof(WebhookQuarantined)}", Topology.WebhookReceivedQueue),
        new($"{typeof(RegisterJob).Namespace}:{nameof(RegisterJob)}", Topology.RegisterJobQueue),
        new(Topology.DeadLetterQueue, Topology.DeadLetterQueue),
        new(Topology.RegisterJobDeadLetterQueue, Topology.RegisterJobDeadLetterQueue),
        .. Topology.ParkingQueues.Select(queue => new BrokerRoute(queue, queue)),
    ];

    /// <summary>True when <see cref="BrokerOptions.ManagementUrl"/> is set.</summary>
    public bool IsKnown => options.Value.ManagementUrl is not null;

    public async Task<int> CountNodesAsync(CancellationToken cancellationToken)
    {
        using var http = Connect();
        using var nodes = await GetAsync(http, "api/nodes", cancellationToken);
        return nodes.RootElement.EnumerateArray().Count(node => node.GetProperty("running").GetBoolean());
    }

    /// <summary>Finds faults that would lose messages even though every queue has its arguments, one sentence each.</summary>
    public async Task<IReadOnlyList<string>> FindFaultsAsync(CancellationToken cancellationToken)
    {
        var virtualHost = Uri.EscapeDataString(BrokerAddress.Parse(connections.Value.RabbitMq).VirtualHost);
        using var http = Connect();
        using var bindings = await GetAsync(http, $"api/bindings/{virtualHost}", cancellationToken);
        var faults = new List<string>(FindMissingRoutes(bindings.RootElement).Select(route => $"exchange {route.Exchange} does not lead to queue {route.Queue}"));
        foreach (var queue in Topology.Queues.Keys)
        {
            using var state = await GetDescribedAsync(http, $"api/queues/{virtualHost}/{queue}", cancellationToken);
            faults.AddRange(FindHarmfulPolicies(queue, state.RootElement));
        }

        return faults;
    }

    /// <summary>Finds exchanges that do not lead to their queue. Needs the tag <c>management</c> and no permission.</summary>
    public async Task<IReadOnlyList<BrokerRoute>> FindMissingRoutesAsync(CancellationToken cancellationToken)
    {
        var virtualHost = Uri.EscapeDataString(BrokerAddress.Parse(connections.Value.RabbitMq).VirtualHost);
        using var http = Connect();
        using var bindings = await GetAsync(http, $"api/bindings/{virtualHost}", cancellationToken);
        return [.. FindMissingRoutes(bindings.RootElement)];
    }

    /// <param name="bindings">The response of <c>/api/bindings/{vhost}</c>.</param>
    public static IEnumerable<BrokerRoute> FindMissingRoutes(JsonElement bindings)
    {
        var destinations = bindings.EnumerateArray().ToLookup(
            binding => binding.GetProperty("source").GetString(),
            binding => (Name: binding.GetProperty("destination").GetString(), IsQueue: binding.GetProperty("destination_type").GetString() == "queue"));
        return Routes.Where(route => !Leads(route.Exchange, route.Queue));

        // Directly, or through an exchange named after the queue, as MassTransit binds them.
        bool Leads(string exchange, string queue) =>
            destinations[exchange].Contains((queue, true))
            || destinations[exchange].Contains((queue, false)) && destinations[queue].Contains((queue, true));
    }

    /// <param name="state">The response of <c>/api/queues/{vhost}/{name}</c>.</param>
    public static IEnumerable<string> FindHarmfulPolicies(string queue, JsonElement state)
    {
        // With reject-publish, a full queue refuses messages; without it, it drops its oldest message.
        var dropsWhenFull = !Topology.Queues[queue].ContainsKey("x-overflow");
        // An empty definition is an empty list.
        return state.TryGetProperty(PolicyProperty, out var policy) && policy.ValueKind is JsonValueKind.Object
            ? policy.EnumerateObject()
                .Where(setting => setting.Name is "message-ttl" or "expires" || dropsWhenFull && setting.Name is "max-length" or "max-length-bytes")
                .Select(setting => $"a policy sets {setting.Name} = {setting.Value} on queue {queue}")
            : [];
    }

    private HttpClient Connect()
    {
        var address = BrokerAddress.Parse(connections.Value.RabbitMq);
        // Connects as AMQP does: without a proxy, and trusting the same authorities, because the request carries the broker password.
        var http = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            ActivityHeadersPropagator = null,
            SslOptions = { RemoteCertificateValidationCallback = BrokerAuthorities.CreateVerifier(options.Value.CertificateAuthorities) },
        })
        {
            BaseAddress = options.Value.ManagementUrl,
            Timeout = TimeSpan.FromSeconds(10),
        };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{address.User}:{address.Password}")));
        return http;
    }

    private async Task<JsonDocument> GetDescribedAsync(HttpClient http, string path, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (time.GetElapsedTime(started) < Patience)
        {
            var queue = await GetAsync(http, path, cancellationToken);
            if (queue.RootElement.TryGetProperty(PolicyProperty, out _))
            {
                return queue;
            }

            queue.Dispose();
            await Task.Delay(Pause, time, cancellationToken);
        }

        throw new InvalidOperationException($"The management API does not report the policy of a queue ({path}).");
    }

    private static async Task<JsonDocument> GetAsync(HttpClient http, string path, CancellationToken cancellationToken) =>
        JsonDocument.Parse(await http.GetStringAsync(path, cancellationToken));
}

/// <summary>An exchange that must lead to a queue.</summary>
internal sealed record BrokerRoute(string Exchange, string Queue);
