using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Deploy.Tests;

/// <summary>The checks reject what the operators' webhooks, the rules of their definitions and the API server reject.</summary>
public sealed class AdmissionTests
{
    private const string Schema = "every field exists";
    private const string Topology = "the topology operator admits it";
    private const string Cluster = "the cluster operator admits it";
    private const string Database = "CloudNativePG admits it";
    private const string Scaler = "KEDA admits it without a warning";
    private const string Store = "External Secrets admits it";
    private const string Certificates = "cert-manager admits it";
    private const string Kubernetes = "the API server admits it";

    private const string Label = "rabbitmq.com/topology-operator: \"true\"";
    private const string Pod = "containers: []\n";

    [Theory]
    [InlineData(Schema, "app.kubernetes.io/part-of: webhook-platform", "app.kubernetes.io/part-of: true")]
    [InlineData(Schema, "app.kubernetes.io/part-of: webhook-platform", "app.kubernetes.io/part-of: webhook platform")]
    [InlineData(Schema, "name: ingress-api\n", "name: ingress_api\n")]
    [InlineData(Schema, Label, "rabbitmq.com/topology-operator: true")]
    [InlineData(Schema, "imageName: ", "imageCatalogRef: {apiGroup: postgresql.cnpg.io, kind: ImageCatalog, major: 17, name: postgresql}\n  imageName: ")]
    [InlineData(Schema, "    initdb:\n", "    initdb:\n      icuLocale: de\n")]
    [InlineData(Schema, "      number: 1\n", "      number: 0\n")]
    [InlineData(Schema, "      dataDurability: required\n", "      dataDurability: preferred\n      standbyNamesPre: [another]\n")]
    [InlineData(Schema, "minReplicaCount: 2", "minReplicaCount: 9")]
    [InlineData(Schema, "  rabbitmq:\n    additionalConfig", "  rabbitmq:\n    envConfig: NAME=$(id)\n    additionalConfig")]
    [InlineData(Schema, "  scaleTargetRef:\n    name: processor-worker-consume", "  scaleTargetRef:\n    name: \"\"")]
    [InlineData(Schema, "  groups:\n  - name: broker\n", "  groups:\n  - name: broker\n  - name: broker\n")]
    [InlineData(Schema, "  permissions: {}\n  rabbitmqClusterReference", "  permissions: []\n  rabbitmqClusterReference")]
    [InlineData(Topology, Label, "rabbitmq.com/topology-operator: \"false\"")]
    [InlineData(Topology, Label, "")]
    [InlineData(Topology, "importCredentialsSecret:\n    name: keda-broker", "importCredentialsSecret:\n    name: keda")]
    [InlineData(Topology, "rabbitmqClusterReference:\n    name: broker", "rabbitmqClusterReference:\n    namespace: webhook-platform")]
    [InlineData(Topology, "rabbitmqClusterReference:\n    name: broker", "rabbitmqClusterReference:\n    name: broker\n    connectionSecret: {name: keda-broker}")]
    [InlineData(Topology, "userReference:\n    name: keda", "user: keda\n  userReference:\n    name: keda")]
    [InlineData(Topology, "  userReference:\n    name: keda\n", "")]
    [InlineData(Cluster, Pod, Pod + "            hostNetwork: true\n")]
    [InlineData(Cluster, Pod, Pod + "            serviceAccountName: default\n")]
    [InlineData(Cluster, Pod, Pod + "            volumes: [{name: host, hostPath: {path: /}}]\n")]
    [InlineData(Cluster, Pod, "containers: [{name: rabbitmq, securityContext: {privileged: true}}]\n")]
    [InlineData(Cluster, Pod, "containers: [{name: rabbitmq, securityContext: {runAsUser: 0}}]\n")]
    [InlineData(Cluster, Pod, Pod + "            initContainers: [{name: setup-container, securityContext: {capabilities: {add: [CHOWN]}}}]\n")]
    [InlineData(Database, "kind: Cluster\nmetadata:\n  name: database", "kind: Cluster\nmetadata:\n  name: data.base")]
    [InlineData(Database, "postgresql:17.11", "postgresql:latest")]
    [InlineData(Database, "postgresql:17.11", "postgresql:12.22")]
    [InlineData(Database, "    initdb:\n", "    recovery: {source: another}\n    initdb:\n")]
    [InlineData(Database, "      owner: migrate\n", "")]
    [InlineData(Database, "  walStorage:\n    size: 20Gi", "  walStorage: {}")]
    [InlineData(Database, "cpu: \"1\"\n      memory: 4Gi\n  storage:", "cpu: \"1\"\n      memory: 8Gi\n  storage:")]
    [InlineData(Database, "- hostnossl all all all reject", "- hostnossl all all ${podselector:workers} reject")]
    [InlineData(Database, "number: 1", "number: 3")]
    [InlineData(Database, "      number: 1", "      standbyNamesPre: [another]\n      number: 1")]
    [InlineData(Database, "instances: 3", "instances: 3\n  maxSyncReplicas: 2\n  minSyncReplicas: 1")]
    [InlineData(Database, "shared_buffers: 1GB", "shared_buffers: 5GB")]
    [InlineData(Database, "shared_buffers: 1GB", "shared_buffers: 1Gi")]
    [InlineData(Database, "shared_buffers: 1GB", "shared_buffers: \"1024\"")]
    [InlineData(Database, "shared_buffers: 1GB", "shared_buffers: 1GB\n      synchronous_standby_names: any 1 (*)")]
    [InlineData(Database, "shared_buffers: 1GB", "shared_buffers: 1GB\n      wal_level: minimal")]
    [InlineData(Database, "shared_buffers: 1GB", "shared_buffers: 1GB\n      wal_log_hints: \"off\"")]
    [InlineData(Database, "shared_buffers: 1GB", "shared_buffers: 1GB\n      max_wal_size: 64MB")]
    [InlineData(Database, "shared_buffers: 1GB", "shared_buffers: 1GB\n      max_wal_size: 20GB")]
    [InlineData(Database, "name: processor_worker_notify\n", "name: cnpg_worker\n")]
    [InlineData(Database, "connectionLimit: 187", "connectionLimit: -2")]
    [InlineData(Database, "connectionLimit: 187", "disablePassword: true\n      connectionLimit: 187")]
    [InlineData(Database, "name: processor_worker_notify\n", "name: processor_worker_api\n")]
    [InlineData(Scaler, "minReplicaCount: 2", "minReplicaCount: 2\n  pollingInterval: 10")]
    [InlineData(Scaler, "minReplicaCount: 2", "minReplicaCount: 2\n  cooldownPeriod: 60")]
    [InlineData(Scaler, "minReplicaCount: 2", "minReplicaCount: 2\n  idleReplicaCount: 2")]
    [InlineData(Scaler, "kind: ScaledObject\nmetadata:\n  name: processor-worker-consume", "kind: ScaledObject\nmetadata:\n  name: processor-worker-consume-by-the-depth-of-its-queue-and-its-rate")]
    [InlineData(Scaler, "name: rate\n", "name: backlog\n")]
    [InlineData(Scaler, "scaleTargetRef:\n    name: processor-worker-consume", "scaleTargetRef:\n    name: ingress-api")]
    [InlineData(Certificates, "  ca:\n    secretName: broker-authority\n", "  selfSigned: {}\n  ca:\n    secretName: broker-authority\n")]
    [InlineData(Certificates, "commonName: webhook-platform", "commonName: the authority that every service of the webhook-platform believes when it is the")]
    [InlineData(Certificates, "  dnsNames:\n  - broker.webhook-platform.svc\n  - broker.webhook-platform.svc.cluster.local\n  - '*.broker-nodes.webhook-platform.svc'\n", "")]
    [InlineData(Certificates, "duration: 2160h", "duration: 30m")]
    [InlineData(Certificates, "duration: 2160h", "duration: 2160h\n  renewBefore: 2160h")]
    [InlineData(Certificates, "kind: Issuer\n    name: broker-authority", "kind: Authority\n    name: broker-authority")]
    [InlineData(Certificates, "size: 256", "size: 2048")]
    [InlineData(Kubernetes, "type: kubernetes.io/basic-auth\nstringData:\n  username: 'migrate'\n  password:", "type: kubernetes.io/basic-auth\nstringData:\n  pass:")]
    [InlineData(Kubernetes, "kind: Job\nmetadata:", "kind: Job\nmetadata:\n  generateName: unused\n  name: migrate-of-a-branch-whose-name-says-all-that-anybody-could-want-to-know\nspec: {template: {spec: {containers: []}}}\n---\nmetadata:")]
    public async Task What_is_refused_in_production_is_found(string check, string text, string mistake) =>
        await Mutation.AssertFoundAsync(Overlay.Production, check, new Regex(Regex.Escape(text)), _ => mistake);

    [Theory]
    [InlineData(Topology, Label, "rabbitmq.com/topology-operator: \"no\"")]
    [InlineData(Schema, Label, "rabbitmq.com/topology-operator: true")]
    [InlineData(Store, "  data:\n  - remoteRef:\n      key: webhook-platform/ingress-api-broker\n    secretKey: password\n", "")]
    [InlineData(Store, "    secretKey: password\n", "    secretKey: password\n  - remoteRef:\n      key: webhook-platform/another\n    secretKey: password\n")]
    [InlineData(Store, "  - extract:", "  - find: {path: webhook-platform}\n    extract:")]
    [InlineData(Store, "  target:\n    template:", "  target:\n    creationPolicy: Merge\n    deletionPolicy: Delete\n    template:")]
    [InlineData(Store, "type: kubernetes.io/basic-auth", "type: kubernetes.io/service-account-token")]
    [InlineData(Store, "  target:\n    template:", "  target:\n    template:\n      templateFrom: [{literal: x, target: metadata.ownerReferences}]")]
    public async Task What_is_refused_with_a_store_is_found(string check, string text, string mistake) =>
        await Mutation.AssertFoundAsync(Overlay.ProductionWithExternalSecrets, check, new Regex(Regex.Escape(text)), _ => mistake);

    [Fact]
    public void Every_rule_in_CEL_is_written_here_too()
    {
        var rules = CustomResourceSchema.Schemas.SelectMany(FindRules).ToArray();

        Assert.NotEmpty(rules);
        Assert.All(rules, rule => Assert.True(SchemaRules.Knows(rule), $"SchemaRules does not know: {rule}"));
    }

    private static IEnumerable<string> FindRules(JsonNode? node) => node switch
    {
        JsonObject map => (map["x-kubernetes-validations"] as JsonArray ?? []).Select(rule => $"{rule?["rule"]}").Concat(map.SelectMany(pair => FindRules(pair.Value))),
        JsonArray list => list.SelectMany(FindRules),
        _ => [],
    };
}
