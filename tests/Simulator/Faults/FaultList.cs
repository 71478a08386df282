using Platform.Simulator.Fuzz;

namespace Platform.Simulator.Faults;

/// <summary>Every fault, in the order in which they are run.</summary>
internal static class FaultList
{
    /// <param name="fuzzInputs">How many inputs the fuzzer makes.</param>
    public static IReadOnlyList<Fault> Of(int fuzzInputs) =>
    [
        .. TrafficFaults.All,
        .. SecurityFaults.All,
        .. ProcessFaults.All,
        .. BrokerFaults.All,
        .. DatabaseFaults.All,
        .. LifecycleFaults.All,
        .. NotificationFaults.All,
        new("FUZZ", "strange inputs with right and wrong signatures", "no 5xx, no unhandled exception, nothing parked", context => new FuzzRun(context, fuzzInputs).RunAsync())
        {
            Patience = TimeSpan.FromHours(1),
        },
    ];

    /// <summary>Those whose id is the given one or begins with it and a dot: <c>P01</c> is all five points.</summary>
    public static IReadOnlyList<Fault> Find(IReadOnlyCollection<string> ids, int fuzzInputs, bool isFull) =>
        [.. Of(fuzzInputs).Where(fault => ids.Count == 0 ? isFull || !fault.IsFullOnly : ids.Any(id => fault.Id == id || fault.Id.StartsWith($"{id}.", StringComparison.Ordinal)))];
}
