using System.Text.RegularExpressions;
using Deploy.Tests.Checks;

namespace Deploy.Tests;

/// <summary>That the checks can fail: production with one mistake in it, each found by the check that is there for it.</summary>
public sealed class MutatedManifestsTests
{
    [Theory]
    [InlineData("every field exists", "livenessProbe:", "livenesProbe:")]
    [InlineData("every field exists", "pollingInterval: 10", "pollingIntervall: 10")]
    [InlineData("every field exists", "disableNonTLSListeners: true", "disableNonTlsListeners: true")]
    [InlineData("every field exists", "dataDurability: required", "dataDurability: maybe")]
    [InlineData("every field exists", "instances: 3", "instances: three")]
    [InlineData("every field exists", "maxReplicas: 12", "maxReplicas: twelve")]
    [InlineData("the restricted level is kept", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")]
    [InlineData("the restricted level is kept", "automountServiceAccountToken: false", "automountServiceAccountToken: true")]
    [InlineData("probes ask for what is there", "path: /health/ready\n            port: http", "path: /health/ready\n            port: https")]
    [InlineData("probes ask for what is there", "path: /health/ready", "path: /health/live")]
    [InlineData("probes ask for what is there", "path: /health/live", "path: /health/ready")]
    [InlineData("probes ask for what is there", "httpGet:\n            path: /health/live\n            port: http", "tcpSocket:\n            port: http")]
    [InlineData("resources are said", "limits:\n            memory: 384Mi", "limits:\n            memory: 512Mi")]
    [InlineData("ports are named once", "name: http\n    port: 80\n", "name: http\n    port: 80\n  - name: http\n    port: 81\n")]
    [InlineData("stop times add up", "terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 30")]
    [InlineData("stop times add up", "terminationGracePeriodSeconds: 60", "terminationGracePeriodSeconds: 35")]
    [InlineData("stop times add up", "seconds: 5\n", "seconds: 0\n")]
    [InlineData("deployments select their own pods", "matchLabels:\n      app.kubernetes.io/component: api", "matchLabels:\n      app.kubernetes.io/component: notify")]
    [InlineData("disruption budgets select one workload", "matchLabels:\n      app.kubernetes.io/name: broker\n", "matchLabels:\n      app.kubernetes.io/name: rabbitmq\n")]
    [InlineData("no pod waits for a zone", "topologyKey: topology.kubernetes.io/zone\n        whenUnsatisfiable: ScheduleAnyway", "topologyKey: topology.kubernetes.io/zone\n        whenUnsatisfiable: DoNotSchedule")]
    [InlineData("no pod waits for a zone", "topologyKey: topology.kubernetes.io/zone\n              whenUnsatisfiable: ScheduleAnyway", "topologyKey: topology.kubernetes.io/zone\n              whenUnsatisfiable: DoNotSchedule")]
    [InlineData("no pod waits for a zone", "topologyKey: topology.kubernetes.io/zone\n    whenUnsatisfiable: ScheduleAnyway", "topologyKey: topology.kubernetes.io/zone\n    whenUnsatisfiable: DoNotSchedule")]
    [InlineData("services lead to ports", "targetPort: http", "targetPort: web")]
    [InlineData("services lead to ports", "path: /health\n", "path: /metrics\n")]
    [InlineData("replicas belong to one", "scaleTargetRef:\n    name: processor-worker-consume", "scaleTargetRef:\n    name: processor-worker-api")]
    [InlineData("replicas belong to one", "protocol: http", "protocol: amqp")]
    [InlineData("monitors watch ports", "path: /metrics\n    port: http", "path: /metrics\n    port: metrics")]
    [InlineData("monitors watch ports", "port: prometheus-tls", "port: prometheus")]
    [InlineData("rules ask for what is scraped", "replacement: rabbitmq-queues", "replacement: queues")]
    [InlineData("rules ask for what is scraped", "jobLabel: app.kubernetes.io/name", "jobLabel: app.kubernetes.io/part-of")]
    [InlineData("configuration and secrets are there", "name: migrate-database\n", "name: migration-database\n")]
    [InlineData("configuration and secrets are there", "key: ca.crt", "key: ca.pem")]
    [InlineData("volumes are mounted", "name: authorities\n          readOnly: true", "name: authority\n          readOnly: true")]
    [InlineData("resources name each other", "userReference:\n    name: migrate", "userReference:\n    name: migration")]
    [InlineData("the default is to deny", "podSelector: {}\n  policyTypes:\n  - Ingress\n  - Egress", "podSelector: {}\n  policyTypes:\n  - Ingress")]
    [InlineData("every workload has a policy", "podSelector:\n    matchLabels:\n      app.kubernetes.io/name: migrate", "podSelector:\n    matchLabels:\n      app.kubernetes.io/name: migration")]
    [InlineData("no rule is open", "\n    ports:\n    - port: http\n  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: ingress-api", "\n  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: ingress-api")]
    [InlineData("no rule is open", "- port: 15691\n", "- protocol: TCP\n")]
    [InlineData("policies name real peers", "- podSelector:\n        matchLabels:\n          app.kubernetes.io/name: broker", "- podSelector:\n        matchLabels:\n          app.kubernetes.io/name: rabbitmq")]
    [InlineData("policies name real peers", "- podSelector:\n        matchLabels:\n          cnpg.io/cluster: database", "- podSelector:\n        matchLabels:\n          app.kubernetes.io/name: database")]
    [InlineData("policies name real peers", "endPort: 35682", "endPort: 65535")]
    [InlineData("both ends of a policy agree", "- port: 5671\n    to:", "- port: 15691\n    to:")]
    [InlineData("only notify reaches the internet", "podSelector:\n    matchLabels:\n      app.kubernetes.io/component: notify", "podSelector:\n    matchLabels:\n      app.kubernetes.io/component: api")]
    [InlineData("the database follows the API server", "- port: 6443", "- port: 6444")]
    [InlineData("settings bind", "Ingress__TrustedProxies__0:", "Ingress__TrustedProxy__0:")]
    [InlineData("settings bind", "Broker__ExpectedNodes: \"3\"", "Broker__ExpectedNodes: \"300\"")]
    [InlineData("settings bind", "SettingsDirectory:", "SettingDirectory:")]
    [InlineData("files are where settings say", "MagicHour__WebhookSecretsDirectory: /run/secrets/magic-hour", "MagicHour__WebhookSecretsDirectory: /run/secrets/webhooks")]
    [InlineData("the broker keeps what it took", "Broker__ExpectedNodes: \"3\"", "Broker__ExpectedNodes: \"2\"")]
    [InlineData("the broker keeps what it took", "handling = pause_minority", "handling = autoheal")]
    [InlineData("the broker keeps what it took", "deletionPolicy: retain", "deletionPolicy: delete")]
    [InlineData("the broker keeps what it took", "topologyKey: kubernetes.io/hostname\n  image: rabbitmq", "topologyKey: topology.kubernetes.io/zone\n  image: rabbitmq")]
    [InlineData("the database keeps what it committed", "dataDurability: required", "dataDurability: preferred")]
    [InlineData("the database keeps what it committed", "failoverQuorum: true", "failoverQuorum: false")]
    [InlineData("the database keeps what it committed", "podAntiAffinityType: required", "podAntiAffinityType: preferred")]
    [InlineData("connections fit into the database", "component: api\n      app.kubernetes.io/name: processor-worker\n  strategy:\n    rollingUpdate:\n      maxSurge: 1", "component: api\n      app.kubernetes.io/name: processor-worker\n  strategy:\n    rollingUpdate:\n      maxSurge: 2")]
    [InlineData("connections fit into the database", "Maximum Pool Size=10", "Maximum Pool Size=11")]
    [InlineData("addresses are encrypted and there", "SSL Mode=VerifyFull", "SSL Mode=Require")]
    [InlineData("addresses are encrypted and there", "- broker.webhook-platform.svc\n", "- rabbitmq.webhook-platform.svc\n")]
    [InlineData("broker users may log in", "vhost: webhook-platform", "vhost: webhooks")]
    [InlineData("permissions fit the topology", "Webhook(Received|Quarantined)", "WebhookReceived")]
    [InlineData("permissions fit the topology", "write: ^((webhook-received|register-job)", "write: ^((webhook-received)")]
    [InlineData("nobody may do more than needed", "|broker-canary)$\n    read: ^((webhook", "|broker-canary|amq\\.default)$\n    read: ^((webhook")]
    [InlineData("nobody may do more than needed", "register-job)(_.+)?|Platform\\.Contracts:.+|amq", "register-job)(_.+)?|.+|amq")]
    [InlineData("nobody may do more than needed", "permissions: {}", "permissions:\n    read: .*")]
    [InlineData("nobody may do more than needed", "tags:\n  - monitoring", "tags:\n  - administrator")]
    [InlineData("nobody may do more than needed", "name: processor-worker-broker\n  rabbitmqClusterReference", "name: processor-worker-broker\n  tags:\n  - monitoring\n  rabbitmqClusterReference")]
    [InlineData("nobody may do more than needed", "userReference:\n    name: keda", "user: guest")]
    [InlineData("the migration carries its tag", "restartPolicy: Never", "restartPolicy: OnFailure")]
    [InlineData("images are fixed", "@sha256:", "@sha1:")]
    [InlineData("images are fixed", "-standard-trixie@sha256:", "-standard-trixie:")]
    [InlineData("images are fixed", "rabbitmq:4.2.6-management", "rabbitmq:4.2-management")]
    public async Task A_mistake_is_found(string check, string text, string mistake) =>
        await AssertFoundAsync(check, new Regex(Regex.Escape(text)), _ => mistake);

    /// <summary>The same where docs/kubernetes.md says to write something else.</summary>
    [Theory]
    [InlineData("no rule is open", @"\n    to:(\n    - ipBlock:\n        cidr: \S+)+(?=\n  podSelector:\n    matchLabels:\n      cnpg)", "")]
    [InlineData("no rule is open", @"namespaceSelector:\s+matchLabels:\s+kubernetes.io/metadata.name: \S+", "namespaceSelector: {}")]
    [InlineData("policies name real peers", @"kubernetes.io/metadata.name: \S+", "kubernetes.io/metadata.name: unheard-of")]
    [InlineData("only notify reaches the internet", @"cidr: \S+(?=\n  podSelector:\n    matchLabels:\n      cnpg)", "cidr: 10.0.0.0/8")]
    [InlineData("only notify reaches the internet", @"cidr: \S+(?=\n  podSelector:\n    matchLabels:\n      cnpg)", "cidr: 10.1.2.3/33")]
    [InlineData("only notify reaches the internet", @"namespaceSelector:\s+matchLabels:\s+kubernetes.io/metadata.name: \S+", "ipBlock:\n        cidr: 0.0.0.0/0")]
    [InlineData("only notify reaches the internet", @"namespaceSelector:\s+matchLabels:\s+webhook-platform/may-call-api: \S+", "ipBlock:\n        cidr: 0.0.0.0/0")]
    [InlineData("the migration carries its tag", @"(?<=kind: Job\nmetadata:\n(.+\n)*?  name: migrate)-\S+", "")]
    public async Task A_mistake_in_what_is_yours_is_found(string check, string pattern, string mistake) =>
        await AssertFoundAsync(check, new Regex(pattern), _ => mistake);

    /// <summary>Whatever the number is: there is no room beside it.</summary>
    [Theory]
    [InlineData("the database keeps what it committed", "max_slot_wal_keep_size: ", 10)]
    [InlineData("connections fit into the database", "maxReplicaCount: ", 1)]
    [InlineData("connections fit into the database", "max_connections: \"", -10)]
    [InlineData("connections fit into the database", "connectionLimit: ", -110)]
    public async Task A_number_past_its_bound_is_found(string check, string before, int change) =>
        await AssertFoundAsync(check, new Regex($@"(?<={Regex.Escape(before)})\d+"), number => $"{int.Parse(number.Value, null) + change}");

    private static async Task AssertFoundAsync(string check, Regex text, MatchEvaluator mistake)
    {
        var manifests = await Overlay.ReadAsync(Overlay.Production);
        Assert.True(text.IsMatch(manifests), $"'{text}' is not there any more.");

        var faults = ManifestChecks.All[check](Manifests.Parse(text.Replace(manifests, mistake, count: 1)));

        Assert.NotEmpty(faults);
    }
}
