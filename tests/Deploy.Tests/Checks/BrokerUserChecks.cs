using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Platform.Contracts;
using Platform.ServiceDefaults.Broker;

namespace Deploy.Tests.Checks;

/// <summary>The broker permissions: those that the services need, and no more.</summary>
internal static class BrokerUserChecks
{
    private static readonly string[] Consumed = [Contract(nameof(WebhookReceived)), Contract(nameof(WebhookQuarantined)), Contract(nameof(RegisterJob))];
    private static readonly string[] Published = [Contract(nameof(JobStarted)), Contract(nameof(JobCompleted)), Contract(nameof(JobFailed)), Contract(nameof(JobCanceled))];
    private static readonly string[] Queues = ["webhook-received", "webhook-received_dead", "webhook-received_error", "webhook-received_skipped", .. RegisterJobQueues];
    private static readonly string[] Parked = [.. Queues.Where(queue => queue.Contains('_'))];

    /// <summary>
    /// All permissions, deliberately repeated: anyone who grants more, or adds a user, must also change this list. <see
    /// cref="Servers.BrokerRefusalsTests"/> shows on a real broker that these suffice and that everything else is refused.
    /// </summary>
    private static readonly string[] Needed =
    [
        Grant("ingress-api", configure: [], write: [.. Consumed[..2], "broker-canary", "webhook-received"], read: []),
        "ingress-api: tags ''",
        Grant("processor-worker-consume", configure: [.. Queues, .. Consumed], write: [.. Queues, .. Published], read: [.. Queues, .. Consumed]),
        "processor-worker-consume: tags ''",
        Grant("processor-worker-notify", configure: [], write: [], read: []),
        "processor-worker-notify: tags ''",
        Grant("processor-worker-api", configure: [], write: ["webhook-received", "register-job", Consumed[0], "amq.default"], read: Parked),
        "processor-worker-api: tags 'management'",
        Grant("processor-worker-reconcile", configure: [], write: [Consumed[0]], read: []),
        "processor-worker-reconcile: tags ''",
        Grant("processor-worker-archive", configure: [], write: [], read: []),
        "processor-worker-archive: tags ''",
        Grant("migrate", configure: [.. Queues, .. Consumed, .. Published, "broker-canary"], write: Queues, read: [.. Queues, .. Consumed]),
        "migrate: tags 'monitoring'",
        Grant("keda", configure: [], write: [], read: []),
        "keda: tags 'monitoring'",
    ];

    private static string[] RegisterJobQueues => ["register-job", "register-job_dead", "register-job_error", "register-job_skipped"];

    /// <summary>Every login to the broker is a user with permissions in the virtual host that it names.</summary>
    public static IEnumerable<string> Logins(Manifests manifests) =>
        from pods in Pods.From(manifests)
        where pods.RunServices && manifests.Of("RabbitmqCluster").Any()
        let address = BrokerAddress.Parse(SettingsChecks.SecretSettingsOf(manifests, pods)["ConnectionStrings__RabbitMq"])
        where !manifests.Of("Permission").Any(permission => UserOf(permission) == address.User && $"{permission.At("spec.vhost")}" == address.VirtualHost)
        select $"{pods.Name} logs in to the broker as {address.User} at {address.VirtualHost}, who may do nothing there";

    /// <summary>The permissions and users are exactly those in the list.</summary>
    public static IEnumerable<string> Grants(Manifests manifests)
    {
        if (!manifests.Of("RabbitmqCluster").Any())
        {
            return [];
        }

        string[] given =
        [
            .. manifests.Of("Permission").Select(permission =>
                $"{UserOf(permission)}: configure '{permission.At("spec.permissions.configure")}', write '{permission.At("spec.permissions.write")}', "
                + $"read '{permission.At("spec.permissions.read")}' in {permission.At("spec.vhost")}"),
            .. manifests.Of("User").Select(user => $"{user.NameOf()}: tags '{string.Join(' ', user.At("spec.tags")?.AsArray() ?? [])}'"),
        ];
        return [.. given.Except(Needed).Select(more => $"given and not needed: {more}"), .. Needed.Except(given).Select(less => $"needed and not given: {less}")];
    }

    /// <summary>Every pattern is a list of names, anchored at both ends.</summary>
    public static IEnumerable<string> Patterns(Manifests manifests) =>
        from permission in manifests.Of("Permission")
        from what in new[] { "configure", "write", "read" }
        let pattern = $"{permission.At($"spec.permissions.{what}")}"
        where ExactPattern.Read(pattern) is null
        select $"{UserOf(permission)}: {what} '{pattern}' is not ^(name|name)$ of exact names";

    /// <summary>The ingress writes to its exchanges and its queue; a user that declares may declare every queue.</summary>
    public static IEnumerable<string> Permissions(Manifests manifests)
    {
        string[] written = [$"Platform.Contracts:{nameof(WebhookReceived)}", $"Platform.Contracts:{nameof(WebhookQuarantined)}", Topology.CanaryExchange, Topology.WebhookReceivedQueue];
        return from permission in manifests.Of("Permission")
               from name in UserOf(permission) switch
               {
                   "ingress-api" => written.Where(name => !May(permission, "write", name)),
                   "processor-worker-consume" or "migrate" => Topology.Queues.Keys.Where(queue => !new[] { "configure", "write", "read" }.All(what => May(permission, what, queue))),
                   _ => [],
               }
               select $"{UserOf(permission)} may not do what it does to {name}";
    }

    private static string Contract(string name) => $"Platform.Contracts:{name}";

    private static string Grant(string user, string[] configure, string[] write, string[] read) =>
        $"{user}: configure '{Pattern(configure)}', write '{Pattern(write)}', read '{Pattern(read)}' in webhook-platform";

    private static string Pattern(string[] names) => names.Length == 0 ? "" : ExactPattern.For(names);

    private static string UserOf(JsonObject permission) => $"{permission.At("spec.user") ?? permission.At("spec.userReference.name")}";

    private static bool May(JsonObject permission, string what, string name) =>
        permission.At($"spec.permissions.{what}") is { } pattern && Regex.IsMatch(name, $"{pattern}", RegexOptions.None, TimeSpan.FromSeconds(1));
}
