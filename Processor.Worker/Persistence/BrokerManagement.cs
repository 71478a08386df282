using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Platform.Contracts;

namespace Processor.Worker.Persistence;

/// <summary>What only the management API tells of the broker: its nodes, its bindings, its policies.</summary>
internal sealed class BrokerManagement(IOptions<ConnectionOptions> connections, IOptions<BrokerOptions> options, TimeProvider time)
{
    private const string PolicyProperty = "effective_policy_definition";

    // A new queue is described when it has sent its first statistics, every 5 s by default.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Every exchange that must lead to a queue; the names of contracts are MassTransit's.</summary>
    private static readonly (string Exchange, string Queue)[] Routes =
    [
        ($"{typeof(WebhookReceived).Namespace}:{nameof(WebhookReceived)}", Topology.WebhookReceivedQueue),
        ($"{typeof(WebhookQuarantined).Namespace}:{nameof(WebhookQuarantined)}", Topology.WebhookReceivedQueue),
        ($"{typeof(RegisterJob).Namespace}:{nameof(RegisterJob)}", Topology.RegisterJobQueue),
        (Topology.DeadLetterQueue, Topology.DeadLetterQueue),
        (Topology.RegisterJobDeadLetterQueue, Topology.RegisterJobDeadLetterQueue),
    ];

    /// <summary>It has an address (<see cref="BrokerOptions.ManagementUrl"/>).</summary>
    public bool IsKnown => options.Value.ManagementUrl is not null;

    public async Task<int> CountNodesAsync(CancellationToken cancellationToken)
    {
        using var http = Connect();
        using var nodes = await GetAsync(http, "api/nodes", cancellationToken);
        return nodes.RootElement.EnumerateArray().Count(node => node.GetProperty("running").GetBoolean());
    }

    /// <summary>What would lose messages although every queue has its arguments, a sentence each.</summary>
    public async Task<IReadOnlyList<string>> FindFaultsAsync(CancellationToken cancellationToken)
    {
        var virtualHost = Uri.EscapeDataString(BrokerAddress.Parse(connections.Value.RabbitMq).VirtualHost);
        using var http = Connect();
        using var bindings = await GetAsync(http, $"api/bindings/{virtualHost}", cancellationToken);
        var faults = new List<string>(FindMissingRoutes(bindings.RootElement));
        foreach (var queue in Topology.Queues.Keys)
        {
            using var state = await GetDescribedAsync(http, $"api/queues/{virtualHost}/{queue}", cancellationToken);
            faults.AddRange(FindHarmfulPolicies(queue, state.RootElement));
        }

        return faults;
    }

    /// <param name="bindings">The answer of <c>/api/bindings/{vhost}</c>.</param>
    public static IEnumerable<string> FindMissingRoutes(JsonElement bindings)
    {
        var destinations = bindings.EnumerateArray().ToLookup(
            binding => binding.GetProperty("source").GetString(),
            binding => (Name: binding.GetProperty("destination").GetString(), IsQueue: binding.GetProperty("destination_type").GetString() == "queue"));
        return Routes.Where(route => !Leads(route.Exchange, route.Queue)).Select(route => $"exchange {route.Exchange} does not lead to queue {route.Queue}");

        // Directly, or over an exchange with the name of the queue, as MassTransit binds them.
        bool Leads(string exchange, string queue) =>
            destinations[exchange].Contains((queue, true))
            || destinations[exchange].Contains((queue, false)) && destinations[queue].Contains((queue, true));
    }

    /// <param name="state">The answer of <c>/api/queues/{vhost}/{name}</c>.</param>
    public static IEnumerable<string> FindHarmfulPolicies(string queue, JsonElement state)
    {
        // With reject-publish a full queue refuses; without it, it drops its oldest message.
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
        var http = new HttpClient { BaseAddress = options.Value.ManagementUrl, Timeout = TimeSpan.FromSeconds(10) };
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

        throw new InvalidOperationException($"The management API does not tell the policy of a queue ({path}).");
    }

    private static async Task<JsonDocument> GetAsync(HttpClient http, string path, CancellationToken cancellationToken) =>
        JsonDocument.Parse(await http.GetStringAsync(path, cancellationToken));
}
