using System.Text.Json.Nodes;

namespace Deploy.Tests.Checks;

/// <summary>The database logins: each workload has its own role, whose only rights are those that the migration grants.</summary>
internal static class DatabaseUserChecks
{
    private const string Worker = "processor-worker-";

    private static readonly string[] RoleKeys = ["name", "login", "connectionLimit", "passwordSecret"];

    /// <summary>
    /// Each role of the worker has its own login, created by the operator and named to the migration; the migration uses the owner's.
    /// </summary>
    public static IEnumerable<string> Logins(Manifests manifests) =>
    [
        .. from cluster in manifests.Of("Cluster")
           from pods in Pods.From(manifests)
           let login = PlatformChecks.DatabaseOf(manifests, pods)?.Username
           where login is not null
           from fault in pods.Name.StartsWith(Worker, StringComparison.Ordinal)
               ? FindWorkerFaults(manifests, cluster, RoleOf(pods.Name[Worker.Length..]), login)
               : Rules.FindBroken([(login == $"{cluster.At("spec.bootstrap.initdb.owner")}", $"{pods.Name} logs in as {login}, and not as the owner")])
           select fault,
        .. manifests.Of("Cluster").SelectMany(FindGiven).Select(fault => $"given and not needed: {fault}"),
    ];

    // Retention runs in a worker that consumes, or beside it with the same login.
    private static string RoleOf(string component) => component == "retention" ? "consume" : component;

    private static IEnumerable<string> FindWorkerFaults(Manifests manifests, JsonObject cluster, string component, string login)
    {
        var role = cluster.List("spec.managed.roles").SingleOrDefault(role => $"{role["name"]}" == login);
        var migration = Pods.From(manifests).Single(pods => pods.Name.StartsWith("migrate", StringComparison.Ordinal));
        var granted = SettingsChecks.SettingsOf(manifests, migration).GetValueOrDefault($"DatabaseRoles__{char.ToUpperInvariant(component[0])}{component[1..]}");
        return Rules.FindBroken(
        [
            (login == $"processor_worker_{component}" && role is not null, $"{component} logs in as {login}, which is no role of its own"),
            (granted == login, $"the migration grants what {component} needs to {granted}"),
            ($"{role.At("passwordSecret.name")}" == $"{Worker}{component}-database", $"{login} has another password than {component}"),
        ]);
    }

    /// <summary>Apart from a login and a connection limit, the operator grants nothing.</summary>
    private static IEnumerable<string> FindGiven(JsonObject cluster) =>
        cluster.List("spec.managed.roles").SelectMany(role => role.Select(pair => pair.Key).Except(RoleKeys).Select(key => $"{key} of {role["name"]}"))
            .Concat((cluster.At("spec.bootstrap.initdb.postInitApplicationSQL")?.AsArray() ?? []).Select(statement => $"{statement}")
                .Where(statement => !statement.StartsWith("revoke ", StringComparison.Ordinal)));
}
