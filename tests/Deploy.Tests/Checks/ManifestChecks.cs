namespace Deploy.Tests.Checks;

/// <summary>Every check that manifests must pass, by name.</summary>
internal static class ManifestChecks
{
    public static IReadOnlyDictionary<string, Func<Manifests, IEnumerable<string>>> All { get; } = new Dictionary<string, Func<Manifests, IEnumerable<string>>>
    {
        ["every field exists"] = manifests => manifests.Faults,
        ["the restricted level is kept"] = PodChecks.Restricted,
        ["probes ask for what is there"] = PodChecks.Probes,
        ["resources are said"] = PodChecks.Resources,
        ["ports are named once"] = PodChecks.PortsNamedOnce,
        ["stop times add up"] = PodChecks.StopTimes,
        ["deployments select their own pods"] = SelectorChecks.Deployments,
        ["disruption budgets select one workload"] = SelectorChecks.DisruptionBudgets,
        ["no pod waits for a zone"] = SelectorChecks.Spread,
        ["services lead to ports"] = SelectorChecks.Services,
        ["replicas belong to one"] = SelectorChecks.Scalers,
        ["monitors watch ports"] = MonitoringChecks.Monitors,
        ["rules ask for what is scraped"] = MonitoringChecks.Jobs,
        ["configuration and secrets are there"] = ReferenceChecks.ConfigMapsAndSecrets,
        ["volumes are mounted"] = ReferenceChecks.Volumes,
        ["resources name each other"] = ReferenceChecks.Resources,
        ["the default is to deny"] = NetworkChecks.DefaultIsDeny,
        ["every workload has a policy"] = NetworkChecks.EveryWorkloadHasAPolicy,
        ["no rule is open"] = NetworkChecks.NothingIsOpen,
        ["policies name real peers"] = NetworkChecks.PeersAreReal,
        ["both ends of a policy agree"] = NetworkChecks.BothEndsAgree,
        ["only notify reaches the internet"] = NetworkChecks.OnlyNotifyReachesTheInternet,
        ["the database follows the API server"] = NetworkChecks.DatabaseFollowsTheApiServer,
        ["settings bind"] = SettingsChecks.Bind,
        ["files are where settings say"] = SettingsChecks.Files,
        ["the broker keeps what it took"] = DurabilityChecks.Broker,
        ["the database keeps what it committed"] = DurabilityChecks.Database,
        ["connections fit into the database"] = PlatformChecks.Connections,
        ["addresses are encrypted and there"] = PlatformChecks.Addresses,
        ["broker users may log in"] = BrokerUserChecks.Logins,
        ["permissions fit the topology"] = BrokerUserChecks.Permissions,
        ["nobody may do more than needed"] = BrokerUserChecks.Grants,
        ["the migration carries its tag"] = PlatformChecks.Migration,
        ["images are fixed"] = PlatformChecks.Images,
    };
}
