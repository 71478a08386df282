using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Storms;

/// <summary>Builds the deliveries of a plan: to which endpoint, when, and how often.</summary>
internal sealed class DeliveryDraft(StormSettings settings, Chance chance)
{
    private const double HoursLate = 20;

    private static readonly TimeSpan LongestEcho = TimeSpan.FromSeconds(3);

    private readonly List<StormEvent> _events = [];
    private readonly List<PlannedDelivery> _deliveries = [];

    public IReadOnlyList<StormEvent> Events => _events;

    public IReadOnlyList<PlannedDelivery> InOrder => [.. _deliveries.OrderBy(delivery => delivery.At)];

    public void Add(StormEvent webhook, TimeSpan at, Irregularity irregularity)
    {
        var first = AddFirst(webhook, at, irregularity);
        for (var body = 1; body < webhook.Bodies.Count; body++)
        {
            _deliveries.Add(first with { Body = body, At = Echo(at), Irregularity = Irregularity.Variant });
        }

        if (chance.Happens(settings.Duplicates))
        {
            _deliveries.Add(first with { At = Echo(at), Irregularity = Irregularity.Duplicate });
        }

        if (settings.Endpoints > 1 && chance.Happens(settings.AtEveryEndpoint))
        {
            AddAtOtherEndpoints(first);
        }
    }

    public void AddForgery(StormEvent forgery, TimeSpan at, Irregularity how) => AddFirst(forgery, at, how);

    private PlannedDelivery AddFirst(StormEvent webhook, TimeSpan at, Irregularity irregularity)
    {
        var isLate = irregularity is Irregularity.Late;
        var first = new PlannedDelivery
        {
            Event = _events.Count,
            Body = 0,
            Endpoint = chance.Number(settings.Endpoints),
            At = at,
            Age = isLate ? TimeSpan.FromHours(1) + chance.Within(TimeSpan.FromHours(HoursLate)) : TimeSpan.Zero,
            // A late delivery keeps its old signature.
            ReSign = !isLate && chance.Happens(settings.ReSigned),
            Irregularity = irregularity,
        };
        _events.Add(webhook);
        _deliveries.Add(first);
        return first;
    }

    private void AddAtOtherEndpoints(PlannedDelivery first)
    {
        foreach (var endpoint in Enumerable.Range(0, settings.Endpoints).Where(endpoint => endpoint != first.Endpoint))
        {
            _deliveries.Add(first with { Endpoint = endpoint, At = Echo(first.At), Irregularity = Irregularity.OtherEndpoint });
        }
    }

    /// <summary>A short time later, or at the same moment.</summary>
    private TimeSpan Echo(TimeSpan at) => chance.Happens(0.5) ? at : at + chance.Within(LongestEcho);
}
