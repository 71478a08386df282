using Platform.Faults.Fuzz;

namespace Platform.Faults;

/// <summary>All faults, in the order in which they run.</summary>
internal static class FaultList
{
    /// <param name="fuzzInputs">Number of inputs for the fault FUZZ.</param>
    public static IReadOnlyList<Fault> Create(int fuzzInputs) =>
    [
        .. TrafficFaults.All,
        .. MalformedFaults.All,
        .. SecurityFaults.All,
        .. StrangerFaults.All,
        .. TarpitFaults.All,
        .. MemoryFaults.All,
        .. ProcessFaults.All,
        .. BrokerFaults.All,
        .. DatabaseFaults.All,
        .. PoolerFaults.All,
        .. LifecycleFaults.All,
        .. NotificationFaults.All,
        .. ParkedFaults.All,
        .. ReplayFaults.All,
        .. ReconcilerFaults.All,
        .. RestoreFaults.All,
        new("FUZZ", "fuzzed inputs with valid and invalid signatures", "no 5xx, no unhandled exception, nothing parked", context => new FuzzRun(context, fuzzInputs).RunAsync())
        {
            Patience = TimeSpan.FromHours(1),
        },
    ];

    /// <summary>Faults whose id equals a given one or starts with it and a dot: <c>P01</c> selects all five points.</summary>
    public static IReadOnlyList<Fault> Find(IReadOnlyCollection<string> ids, int fuzzInputs, bool isFull) =>
        [.. Create(fuzzInputs).Where(fault => ids.Count == 0 ? isFull || !fault.IsFullOnly : ids.Any(id => fault.Id == id || fault.Id.StartsWith($"{id}.", StringComparison.Ordinal)))];
}
