using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Platform.Contracts;

namespace Deploy.Tests.Checks;

/// <summary>Who may do what on the broker: what the services need, and no more.</summary>
internal static class BrokerUserChecks
{
    private const string Ours = @"(webhook-received|register-job)(_.+)?|Platform\.Contracts:.+";

    /// <summary>
    /// All that is given, a second time and on purpose: whoever gives more says so here as well, and who else is let in. That it is enough
    /// and that the rest is refused shows on a real broker, in <see cref="Servers.BrokerRefusalsTests"/>.
    /// </summary>
    private static readonly string[] Needed =
    [
        @"ingress-api: configure '', write '^(Platform\.Contracts:Webhook(Received|Quarantined)|broker-canary|webhook-received)$', read '' in webhook-platform",
        "ingress-api: tags ''",
        $@"processor-worker: configure '^({Ours})$', write '^({Ours}|amq\.default)$', read '^({Ours})$' in webhook-platform",
        "processor-worker: tags ''",
        $"migrate: configure '^({Ours}|broker-canary)$', write '^({Ours})$', read '^({Ours})$' in webhook-platform",
        "migrate: tags 'monitoring'",
        "keda: configure '', write '', read '' in webhook-platform",
        "keda: tags 'monitoring'",
    ];

    /// <summary>Whoever logs in to the broker is a user with permissions in the virtual host that it names.</summary>
    public static IEnumerable<string> Logins(Manifests manifests) =>
        from pods in Pods.Of(manifests)
        where pods.AreOurs && manifests.Of("RabbitmqCluster").Any()
        let address = BrokerAddress.Parse(SettingsChecks.SecretSettingsOf(manifests, pods)["ConnectionStrings__RabbitMq"])
        where !manifests.Of("Permission").Any(permission => UserOf(permission) == address.User && $"{permission.At("spec.vhost")}" == address.VirtualHost)
        select $"{pods.Name} logs in to the broker as {address.User} at {address.VirtualHost}, who may do nothing there";

    /// <summary>Nobody is given more than is written down here, nor less, nor is anybody else let in.</summary>
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

    /// <summary>The ingress writes to its exchanges and its queue; who declares may declare every queue.</summary>
    public static IEnumerable<string> Permissions(Manifests manifests)
    {
        string[] written = [$"Platform.Contracts:{nameof(WebhookReceived)}", $"Platform.Contracts:{nameof(WebhookQuarantined)}", Topology.CanaryExchange, Topology.WebhookReceivedQueue];
        return from permission in manifests.Of("Permission")
               from name in UserOf(permission) switch
               {
                   "ingress-api" => written.Where(name => !May(permission, "write", name)),
                   "processor-worker" or "migrate" => Topology.Queues.Keys.Where(queue => !new[] { "configure", "write", "read" }.All(what => May(permission, what, queue))),
                   _ => [],
               }
               select $"{UserOf(permission)} may not do what it does to {name}";
    }

    private static string UserOf(JsonObject permission) => $"{permission.At("spec.user") ?? permission.At("spec.userReference.name")}";

    private static bool May(JsonObject permission, string what, string name) =>
        permission.At($"spec.permissions.{what}") is { } pattern && Regex.IsMatch(name, $"{pattern}", RegexOptions.None, TimeSpan.FromSeconds(1));
}
