using Processor.Worker.Broker;

namespace Processor.Worker.Backlog;

/// <summary>
/// Checks that every exchange still leads to its queue. A publisher that does not use <c>mandatory</c>, such as a service that registers
/// jobs, is not notified when its messages reach no queue: they are lost.
/// </summary>
internal sealed partial class MissingRoutes(BrokerManagement management, ILogger<MissingRoutes> logger)
{
    private HashSet<BrokerRoute> _missing = [];

    /// <returns>One for each route; none without the management API, which alone reports bindings.</returns>
    public async Task<IReadOnlyList<RouteState>> CheckAsync(CancellationToken cancellationToken)
    {
        if (!management.IsKnown)
        {
            return [];
        }

        var missing = (await management.FindMissingRoutesAsync(cancellationToken)).ToHashSet();
        foreach (var route in missing.Except(_missing))
        {
            LogMissing(logger, route.Exchange, route.Queue);
        }

        foreach (var route in _missing.Except(missing))
        {
            LogRestored(logger, route.Exchange, route.Queue);
        }

        _missing = missing;
        return [.. BrokerManagement.Routes.Select(route => new RouteState(route, missing.Contains(route)))];
    }

    [LoggerMessage(
        LogLevel.Error,
        "Exchange {Exchange} does not lead to queue {Queue}: messages published to it are returned or lost. Run 'migrate', which declares the binding")]
    private static partial void LogMissing(ILogger logger, string exchange, string queue);

    [LoggerMessage(LogLevel.Information, "Exchange {Exchange} leads to queue {Queue} again")]
    private static partial void LogRestored(ILogger logger, string exchange, string queue);
}

/// <summary>Whether messages published to an exchange reach its queue.</summary>
internal sealed record RouteState(BrokerRoute Route, bool IsMissing);
