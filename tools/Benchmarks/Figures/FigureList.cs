using Platform.Benchmarks.Parts;

namespace Platform.Benchmarks.Figures;

/// <summary>All rows of the table, with their targets.</summary>
internal static class FigureList
{
    private const string InBatches = "Wolverine's durable inbox, in batches";
    private const string OneByOne = "Wolverine's durable inbox, one by one";

    private static readonly int[] OtherConnections = [1, 16, 256];

    public static IReadOnlyList<Figure> All { get; } =
    [
        .. Ingest(), .. OtherLoads(), .. Drain(), .. DrainCosts(), .. Latency(), .. Guide(), .. Processes(), .. OutsideConfirm(), .. Telemetry(),
        .. Notifications(), .. Lists(), .. Accounting(), .. Overdue(), .. Neighbours(),
    ];

    private static IEnumerable<Figure> Ingest() =>
    [
        new("a", "Kestrel reads a body and answers, 64 connections", "ingest.floor.64.rate", "/s"),
        new Figure("a", "verify and parse, nothing published", "ingest.verify.64.rate", "/s")
            .Against("Kestrel", "ingest.floor.64.rate", Target.AtLeast(0.80)),
        new Figure("a", "confirmed ingest, 64 connections", "ingest.ours.64.rate", "/s")
            .Against("RabbitMQ.Client with its own confirm tracking", "ingest.client.64.rate", Target.AtLeast(1.0)).AsMain(),
        new Figure("a", "the same", "ingest.ours.64.rate", "/s")
            .Against("RabbitMQ.Client with hand-written tracking", "ingest.tracked.64.rate", Target.AtLeast(0.95)).AsMain(),
        new Figure("a", "the same, p50", "ingest.ours.64.p50", "ms").Against("RabbitMQ.Client with its own confirm tracking", "ingest.client.64.p50"),
        new Figure("a", "the same, p99", "ingest.ours.64.p99", "ms").Against("RabbitMQ.Client with its own confirm tracking", "ingest.client.64.p99"),
        new Figure("a", "the same, p99.9", "ingest.ours.64.p999", "ms").Against("RabbitMQ.Client with its own confirm tracking", "ingest.client.64.p999"),
    ];

    private static IEnumerable<Figure> OtherLoads() =>
    [
        .. OtherConnections.SelectMany(connections => new[]
        {
            new Figure("a", $"confirmed ingest, connections: {connections}", $"ingest.ours.{connections}.rate", "/s")
                .Against("RabbitMQ.Client with hand-written tracking", $"ingest.tracked.{connections}.rate"),
            new Figure("a", "the same, p99", $"ingest.ours.{connections}.p99", "ms")
                .Against("RabbitMQ.Client with hand-written tracking", $"ingest.tracked.{connections}.p99"),
        }),
        .. IngestPart.OpenRates.SelectMany(rate => new[] { ("p50", "p50"), ("p99", "p99"), ("p99.9", "p999") }.Select(share =>
            new Figure("a", $"answer at {rate} arrivals/s, {share.Item1}", $"ingest.ours.open{rate}.{share.Item2}", "ms")
                .Against(
                    "RabbitMQ.Client with hand-written tracking", $"ingest.tracked.open{rate}.{share.Item2}",
                    share.Item2 == "p99" ? Target.AtMost(1.5) : null))),
        new Figure("a", "answer p99, the largest ratio to RabbitMQ.Client's at any of these rates", "ingest.open.worst.p99", "")
            .Within(Target.AtMost(1.5)).AsMain(),
    ];

    private static IEnumerable<Figure> Drain() =>
    [
        new Figure("b", "drain into the tables, one warm worker", "drain.ours.rate", "/s")
            .Against(InBatches, "drain.wolverine-batch.rate", Target.AtLeast(1.1)).AsMain(),
        new Figure("b", "the same", "drain.ours.rate", "/s").Against(OneByOne, "drain.wolverine-inbox.rate", Target.AtLeast(3)).AsMain(),
        new Figure("b", "the same", "drain.ours.rate", "/s")
            .Against("raw clients, same commands, batches of 200", "drain.raw.rate", Target.AtLeast(0.75)).AsMain(),
        new Figure("b", "the same", "drain.ours.rate", "/s").Against("no-op MassTransit consumer", "drain.noop.rate", Target.AtLeast(0.70)),
        new Figure("b", "drain until the outbox is empty", "drain.emptied.rate", "/s")
            .Against("drain into the tables", "drain.ours.rate", Target.AtLeast(0.75)).AsMain(),
        new Figure("b", "the first 10,000 events of a worker that has just started", "drain.ours.first", "/s")
            .Against(InBatches, "drain.wolverine-batch.first"),
        new Figure("b", "the same", "drain.ours.first", "/s").Against("the warm worker", "drain.ours.rate"),
        new("b", "events measured in a drain", "drain.ours.measured", ""),
        new("b", $"the same, {InBatches}", "drain.wolverine-batch.measured", ""),
        new("b", "measured part of a drain", "drain.ours.seconds", "s"),
        new("b", $"the same, {InBatches}", "drain.wolverine-batch.seconds", "s"),
        new Figure("b", "commits per 1,000 events", "drain.ours.commits", "").Within(Target.AtMost(25)),
        new Figure("b", "statements per event", "drain.ours.statements", "").Within(Target.AtMost(0.1)),
    ];

    private static IEnumerable<Figure> DrainCosts() =>
    [
        new Figure("e", "events per busy core of worker, broker and PostgreSQL", "drain.ours.percore", "/s").Within(Target.AtLeast(8500)).AsMain(),
        .. new[]
        {
            ("ours", "into the tables"), ("emptied", "including the outbox"), ("wolverine-batch", InBatches), ("wolverine-inbox", OneByOne), ("raw", "raw clients"),
        }.SelectMany(drain => new Figure[]
        {
            new("e", $"drain, {drain.Item2}: events per busy core", $"drain.{drain.Item1}.percore", "/s"),
            new("e", "the same: CPU per event, worker", $"drain.{drain.Item1}.cpu.worker", "µs"),
            new("e", "the same: CPU per event, broker", $"drain.{drain.Item1}.cpu.broker", "µs"),
            new("e", "the same: CPU per event, PostgreSQL", $"drain.{drain.Item1}.cpu.postgres", "µs"),
            new("e", "the same: WAL per event", $"drain.{drain.Item1}.wal", "B"),
            new("e", "the same: written to disk per event, PostgreSQL", $"drain.{drain.Item1}.written.postgres", "B"),
            new("e", "the same: written to disk per event, broker", $"drain.{drain.Item1}.written.broker", "B"),
            new("e", "the same: memory", $"drain.{drain.Item1}.memory", "MB"),
        }),
    ];

    private static IEnumerable<Figure> Latency() =>
    [
        .. LatencyPart.Rates.SelectMany(rate => new[] { "p50", "p99" }.SelectMany(percentile => Latency(rate, percentile))),
        .. new[] { (LatencyPart.WolverineBatch, InBatches), (LatencyPart.WolverineInbox, OneByOne) }.SelectMany(peer => new[] { "p50", "p99" }.Select(percentile =>
            new Figure("c", $"accept to commit, {percentile}, the largest ratio at any rate to {peer.Item2}", $"latency.worst.{peer.Item1}.{percentile}", "")
                .Within(Target.AtMost(1)).AsMain())),
    ];

    private static IEnumerable<Figure> Latency(int rate, string percentile)
    {
        var ours = new Figure("c", $"accept to commit at {rate}/s, {percentile}", LatencyPart.Key(LatencyPart.Ours, rate, percentile), "ms");
        yield return rate == 500 ? ours.Within(Target.AtMost(percentile == "p50" ? 8 : 25)).AsMain() : ours;
        foreach (var (name, what) in new[] { (LatencyPart.WolverineBatch, InBatches), (LatencyPart.WolverineInbox, OneByOne) })
        {
            yield return (ours with { What = "the same" }).Against(what, LatencyPart.Key(name, rate, percentile), Target.AtMost(1));
        }

        yield return (ours with { What = "the same" }).Against("the guide's handler", LatencyPart.Key(LatencyPart.Guide, rate, percentile));
    }

    private static IEnumerable<Figure> Guide() =>
    [
        // The platform's events are durable once answered, those of the guide's handler only once stored.
        new Figure("d", "events made durable, 64 connections sending", "guide.ours.answered", "/s")
            .Against("the guide's handler: stored", "guide.guide.stored", Target.AtLeast(15)),
        new Figure("d", "stored during that run", "guide.ours.stored", "/s").Against("the guide's handler: stored", "guide.guide.stored"),
        new Figure("d", "the same", "guide.ours.stored", "/s").Against($"{InBatches}: stored behind the ingress", "guide.wolverine-batch.stored"),
        new Figure("d", "answered during that run", "guide.ours.answered", "/s")
            .Against("the guide's handler: answered", "guide.guide.answered"),
        new Figure("d", "answered during that run, p99", "guide.ours.p99", "ms").Against("the guide's handler", "guide.guide.p99", Target.AtMost(1.0 / 8)),
        // The figure of part a, which runs no worker: it excludes the worker's cost to broker and database.
        new Figure("d", "events made durable by the ingress alone, no worker running", "ingest.ours.64.rate", "/s")
            .Against("the guide's handler: stored", "guide.guide.stored", Target.AtLeast(15)),
        new Figure("d", "the same, p99", "ingest.ours.64.p99", "ms").Against("the guide's handler", "guide.guide.p99", Target.AtMost(1.0 / 8)),
        new Figure("d", "acknowledged events lost when killed", "guide.ours.lost", "").Within(Target.AtMost(0)).AsMain(),
        new("d", "the same, Wolverine's durable inbox, in batches, behind the ingress", "guide.wolverine-batch.lost", ""),
        new("d", "the same, the guide's handler", "guide.guide.lost", ""),
        new("d", "acknowledged before the kill, the guide's handler", "guide.guide.acknowledged", ""),
    ];

    private static IEnumerable<Figure> Processes() =>
    [
        new("e", "confirmed ingest: CPU per event, ingress", "ingest.ours.64.cpu.ingress", "µs"),
        new("e", "the same, broker", "ingest.ours.64.cpu.broker", "µs"),
        new("e", "the same: written to disk per event, broker", "ingest.ours.64.written.broker", "B"),
        new Figure("e", "ingress start to first confirmed 200", "process.ingress.start", "s").Within(Target.AtMost(0.6)).AsMain(),
        new("e", "ingress memory at rest", "process.ingress.rest", "MB"),
        new Figure("e", "ingress memory under load", "ingest.ours.64.memory", "MB").Within(Target.AtMost(120)).AsMain(),
        new Figure("e", "worker memory at rest", "process.worker.rest", "MB").Within(Target.AtMost(150)).AsMain(),
        new Figure("e", "worker memory under load", "drain.emptied.memory", "MB").Within(Target.AtMost(256)).AsMain(),
        new("e", "ingress image", "process.ingress.image", "MB"),
        new("e", "worker image", "process.worker.image", "MB"),
    ];

    private static IEnumerable<Figure> OutsideConfirm() =>
    [
        new("f", "ingress outside the confirm at 50 % load, p50", "outside.p50", "ms"),
        new Figure("f", "ingress outside the confirm at 50 % load, p99", "outside.p99", "ms").Within(Target.AtMost(2)),
    ];

    private static IEnumerable<Figure> Telemetry() => new (string Share, double AtLeast)[] { ("10", 0.85), ("100", 0.6) }.SelectMany(sampling => new Figure[]
    {
        new Figure("g", $"confirmed ingest, telemetry exported, {sampling.Share} % sampled", $"telemetry.ingest.{sampling.Share}.rate", "/s")
            .Against("no telemetry", "telemetry.ingest.off.rate", Target.AtLeast(sampling.AtLeast)),
        new("g", "the same, spans per event", $"telemetry.ingest.{sampling.Share}.spans", ""),
        new Figure("g", $"drain, telemetry exported, {sampling.Share} % sampled", $"telemetry.drain.{sampling.Share}.stored", "/s")
            .Against("no telemetry", "telemetry.drain.off.stored", Target.AtLeast(sampling.AtLeast)),
        new Figure("g", "the same, until the outbox is empty", $"telemetry.drain.{sampling.Share}.published", "/s")
            .Against("no telemetry", "telemetry.drain.off.published", Target.AtLeast(sampling.AtLeast)),
        new("g", "the same, spans per event", $"telemetry.drain.{sampling.Share}.spans", ""),
    });

    private static IEnumerable<Figure> Notifications() =>
    [
        .. new (string Key, string What)[] { ("notified", "up to 100 notifications sent per second"), ("decided", "notifications recorded only"), ("unreachable", "receiver unreachable") }
            .SelectMany(owners => new[]
            {
                new Figure("h", $"drain of jobs, {owners.What}", $"owners.{owners.Key}.stored", "/s")
                    .Against("no notifications", "owners.off.stored", Target.AtLeast(0.9)),
                new Figure("h", "the same, until the outbox is empty", $"owners.{owners.Key}.published", "/s")
                    .Against("no notifications", "owners.off.published", Target.AtLeast(0.9)),
            }),
        new("h", "owners notified during the drain", "owners.notified.rate", "/s"),
    ];

    private static IEnumerable<Figure> Lists() =>
    [
        .. new[] { ("lists", "the slowest list or filter of the operations API"), ("pages", "the slowest page of the console") }.SelectMany(kind => new[]
        {
            new Figure("i", $"{kind.Item2}, 500 events/s arriving, p95", $"{kind.Item1}.p95", "ms").Within(Target.AtMost(100)).AsMain(),
            new("i", "the same, p50", $"{kind.Item1}.p50", "ms"),
            new("i", "the same, requests to each", $"{kind.Item1}.requests", ""),
        }),
        new Figure("i", "the largest page of the console", "pages.size", "kB").Within(Target.AtMost(60)),
    ];

    private static IEnumerable<Figure> Accounting() =>
    [
        new Figure("j", "drain of numbered messages, into the tables", "accounting.on.rate", "/s")
            .Against("messages without numbers", "accounting.off.rate", Target.AtLeast(0.98)),
    ];

    private static IEnumerable<Figure> Overdue() => new[] { ("ingest", "confirmed ingest"), ("drain", "drain into the tables") }.SelectMany(load => new[]
    {
        new Figure("k", $"{load.Item2}, beside 10,000 overdue checks", $"overdue.asking.{load.Item1}", "/s")
            .Against("no reconciler", $"overdue.off.{load.Item1}", Target.AtLeast(0.95)),
        new Figure("k", "requests to Magic Hour's API meanwhile", $"overdue.asking.{load.Item1}.requests", "/s").Within(Target.AtMost(5)),
    });

    // Shows whether the measurement is reliable.
    private static IEnumerable<Figure> Neighbours() => new[] { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k" }.Select(part =>
        new Figure(part, "cores busy with other work", $"neighbours.{part}", ""));
}
