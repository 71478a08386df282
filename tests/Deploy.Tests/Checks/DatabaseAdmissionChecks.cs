using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using k8s.Models;

namespace Deploy.Tests.Checks;

/// <summary>
/// Objects that the webhook of CloudNativePG rejects, from <c>internal/webhook/v1/cluster_webhook.go</c> of 1.30.0, limited to the sections
/// that the manifests have. Its rules for backups, replica clusters, tablespaces, extensions, plugins and LDAP do not apply here; those for
/// changes (smaller disks, older releases) are not visible in one set of manifests.
/// </summary>
internal static partial class DatabaseAdmissionChecks
{
    private const int OldestRelease = 13;
    private const int NameLength = 50;

    /// <summary>
    /// Parameters that the operator sets itself, from <c>FixedConfigurationParameters</c> of its <c>pkg/postgres/configuration.go</c>.
    /// </summary>
    [GeneratedRegex("^(allow_system_table_mods|archive_(mode|command|cleanup_command)|bonjour(_name)?|cluster_name|(config|hba|ident|external_pid)_file|data_directory"
        + "|data_sync_retry|event_source|hot_standby|jit_provider|listen_addresses|logging_collector|log_(destination|directory|file_mode|filename|rotation_\\w+"
        + "|truncate_on_rotation)|port|primary_(conninfo|slot_name)|promote_trigger_file|recovery_(target\\w*|end_command|min_apply_delay)|restart_after_crash"
        + "|restore_command|shared_preload_libraries|ssl(_\\w+)?|stats_temp_directory|synchronous_standby_names|synchronized_standby_slots|syslog_\\w+"
        + "|temp_tablespaces|unix_socket_\\w+|pg_failover_slots\\.\\w+)$")]
    private static partial Regex SetByTheOperator();

    public static IEnumerable<string> Find(Manifests manifests) =>
        from cluster in manifests.Of("Cluster")
        from fault in FindClusterFaults(cluster).Concat(FindReplicationFaults(cluster)).Concat(FindParameterFaults(cluster)).Concat(FindRoleFaults(cluster))
        select $"the Cluster {cluster.NameOf()} {fault}";

    private static IEnumerable<string> FindClusterFaults(JsonObject cluster)
    {
        var release = Release().Match($"{cluster.At("spec.imageName")}".Split('@')[0]).Groups["major"].Value;
        return Rules.FindBroken(
        [
            (Name().IsMatch(cluster.NameOf()) && cluster.NameOf().Length <= NameLength, $"has a name that is no DNS label of at most {NameLength} characters"),
            (int.TryParse(release, out var major) && major >= OldestRelease, "has an image whose tag does not begin with a release that is supported"),
            ((cluster.At("spec.bootstrap") as JsonObject)?.Count == 1, "begins in more than one way"),
            (cluster.At("spec.bootstrap.initdb.database") is null == cluster.At("spec.bootstrap.initdb.owner") is null, "has a database without owner, or the reverse"),
            (new[] { "storage", "walStorage" }.All(disk => Quantity(cluster.At($"spec.{disk}.size")) > 0), "does not say the size of its disks"),
            (Fits(cluster, "cpu") && Fits(cluster, "memory"), "requests more than it is limited to"),
            (!cluster.At("spec.postgresql.pg_hba").Items().Any(line => line.Contains("${", StringComparison.Ordinal)), "has a rule for pods that it does not name"),
        ]);
    }

    private static IEnumerable<string> FindReplicationFaults(JsonObject cluster)
    {
        var synchronous = cluster.At("spec.postgresql.synchronous");
        var named = synchronous.At("standbyNamesPre").Items().Count() + synchronous.At("standbyNamesPost").Items().Count();
        return Rules.FindBroken(
        [
            ((int?)synchronous.At("number") is not { } number || number < (int)cluster.At("spec.instances")! + named, "waits for as many standbys as it has instances"),
            ((bool?)synchronous.At("failoverQuorum") != true || (int?)synchronous.At("number") > named, "has a quorum of named standbys, among which it cannot choose"),
            (synchronous is null || cluster.At("spec.minSyncReplicas") is null && cluster.At("spec.maxSyncReplicas") is null, "says twice how many standbys it waits for"),
        ]);
    }

    private static IEnumerable<string> FindParameterFaults(JsonObject cluster)
    {
        var parameters = (cluster.At("spec.postgresql.parameters") as JsonObject ?? []).ToDictionary(pair => pair.Key, pair => $"{pair.Value}");
        var memory = Quantity(cluster.At("spec.resources.requests.memory"));
        return Rules.FindBroken(
        [
            (parameters.Keys.All(name => ParameterName().IsMatch(name) && !SetByTheOperator().IsMatch(name)), "sets a parameter that the operator sets"),
            (Size(parameters, "shared_buffers", "128MB") is { } buffers && buffers <= (memory ?? buffers), "has shared_buffers that are no size, or more than its memory"),
            (!int.TryParse(parameters.GetValueOrDefault("shared_buffers"), out _), "has shared_buffers without a unit, of which it warns"),
            (parameters.GetValueOrDefault("wal_level", "logical") is "logical" or "replica", "has a wal_level that no standby can follow"),
            (parameters.GetValueOrDefault("wal_log_hints", "on") is "on" or "true" or "yes" or "1", "has no wal_log_hints, which standbys need"),
            (Size(parameters, "min_wal_size", "80MB") < Size(parameters, "max_wal_size", "1GB"), "has a min_wal_size that is not below max_wal_size"),
            (Size(parameters, "max_wal_size", "1GB") < Quantity(cluster.At("spec.walStorage.size")), "has a max_wal_size that its disk does not hold"),
        ]);
    }

    private static IEnumerable<string> FindRoleFaults(JsonObject cluster)
    {
        var roles = cluster.List("spec.managed.roles").ToArray();
        var names = roles.Select(role => $"{role["name"]}").ToArray();
        return Rules.FindBroken(
        [
            (names.Distinct().Count() == names.Length, "has a role twice"),
            (!names.Any(name => name is "postgres" or "streaming_replica" || name.StartsWith("pg_", StringComparison.Ordinal) || name.StartsWith("cnpg_", StringComparison.Ordinal)),
                "has a role whose name is reserved"),
            (roles.All(role => ((int?)role["connectionLimit"] ?? -1) >= -1), "has a role with a negative connectionLimit"),
            (roles.All(role => (bool?)role["disablePassword"] != true || role["passwordSecret"] is null), "sets and disables the password of a role"),
        ]);
    }

    private static bool Fits(JsonObject cluster, string resource) =>
        Quantity(cluster.At($"spec.resources.requests.{resource}")) is not { } request
        || Quantity(cluster.At($"spec.resources.limits.{resource}")) is not { } limit
        || request <= limit;

    private static decimal? Quantity(JsonNode? size) => size is null ? null : new ResourceQuantity($"{size}").ToDecimal();

    /// <summary>Parses a size in PostgreSQL's units, which are powers of two; without a unit in MB. Null when it is not a size.</summary>
    private static decimal? Size(Dictionary<string, string> parameters, string name, string otherwise)
    {
        var match = ParameterSize().Match(parameters.GetValueOrDefault(name, otherwise));
        return !match.Success ? null
            : decimal.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture)
                * (1L << (10 * "BKMGT".IndexOf(match.Groups["unit"].Success ? char.ToUpperInvariant(match.Groups["unit"].Value[0]) : 'M', StringComparison.Ordinal)));
    }

    private static IEnumerable<string> Items(this JsonNode? list) => (list as JsonArray ?? []).Select(item => $"{item}");

    [GeneratedRegex(@":(?<major>\d+)(\.\d+)*[^/:]*$")]
    private static partial Regex Release();

    [GeneratedRegex("^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex Name();

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$")]
    private static partial Regex ParameterName();

    [GeneratedRegex("^(?<number>[0-9]+) *((?<unit>[kMGT])?B)?$")]
    private static partial Regex ParameterSize();
}
