using System.Text;
using Platform.DevStack;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>The platform's own processes crash, hang and are stopped.</summary>
internal static class ProcessFaults
{
    // RabbitMQ 4 dead-letters a message after 20 deliveries by default; this is more.
    private const int Loops = 25;
    private const string NothingDead = "all applied; nothing dead-lettered or parked";
    private static readonly TimeSpan PatienceForMoment = TimeSpan.FromSeconds(30);

    public static IEnumerable<Fault> All =>
    [
        WorkersDie("P01.1", "before BEGIN", lab => lab.WorkerToDatabase.HoldAsync(Direction.ToServer, Moment.Begin)),
        WorkersDie("P01.2", "after the rows are inserted", lab => lab.WorkerToDatabase.HoldAsync(Direction.ToClient, Moment.Inserted)),
        WorkersDie("P01.3", "before COMMIT", lab => lab.WorkerToDatabase.HoldAsync(Direction.ToServer, Moment.Commit)),
        WorkersDie("P01.4", "after COMMIT, before the ack", lab => lab.WorkerToDatabase.HoldAsync(Direction.ToClient, Moment.Commit)),
        WorkersDie("P01.5", "between acks", lab => lab.WorkerToBroker.HoldAsync(Direction.ToServer, Moment.Ack, skip: 1)),
        IngressesDie("P02.1", "before the publish", lab => lab.IngressToBroker.HoldAsync(Direction.ToServer, Moment.PublishOf("WebhookReceived"))),
        IngressesDie("P02.2", "after the publish, before the confirm", lab => lab.IngressToBroker.HoldAsync(Direction.ToClient, Moment.Ack)),
        IngressesDie("P02.3", "after the confirm, before the answer", lab => lab.Front.HoldAsync(Direction.ToClient)),
        new("P03.1", $"kill -9 a worker {Loops} times with all messages in flight", NothingDead, context => EndedWithAllInWorkAsync(context, isKill: true)),
        new("P03.2", $"SIGTERM a worker {Loops} times under load", NothingDead, StoppedAgainAndAgainAsync),
        new("P03.3", $"kill -9 a worker {Loops} times and SIGTERM it {Loops} times while it drains 20,000 events", NothingDead, DrainedBetweenRestartsAsync)
        {
            IsFullOnly = true,
            Patience = TimeSpan.FromMinutes(30),
        },
        new("P03.4", $"SIGTERM a worker {Loops} times with all messages in flight and a database that hangs", NothingDead, context => EndedWithAllInWorkAsync(context, isKill: false))
        {
            IsFullOnly = true,
            Patience = TimeSpan.FromMinutes(30),
        },
        new("P04", "SIGTERM every service under load, one after the other", "no 5xx except from an ingress not yet ready; nothing parked", StoppedUnderLoadAsync),
        new("P06", "SIGSTOP a worker", "others continue; the resumed worker changes nothing", HaltedAsync),
    ];

    private static Fault WorkersDie(string id, string when, Func<Lab, Task> moment) => new(
        id, $"kill -9 the workers {when}", "redelivered and applied once", async context =>
        {
            var report = await DieAsync(context, moment, context.Lab.Workers, context.Lab.WorkerToDatabase, context.Lab.WorkerToBroker);
            ExpectNothingParked(report);
            return $"{report}";
        });

    private static Fault IngressesDie(string id, string when, Func<Lab, Task> moment) => new(
        id, $"kill -9 the ingresses {when}", "outcome unknown to the sender; retried and applied once", async context =>
        {
            var ingresses = context.Lab.Ingresses.Select(ingress => ingress.Process);
            var report = await DieAsync(context, moment, ingresses, context.Lab.Front, context.Lab.IngressToBroker);
            Expect(report.Summary.Unknown > 0, "no request was cut off: the fault had no effect");
            return $"{report}";
        });

    /// <summary>Kills processes under a storm at a given moment. Data held on their connections is lost.</summary>
    private static Task<StormReport> DieAsync(
        FaultContext context, Func<Lab, Task> moment, IEnumerable<ServerProcess> processes, params Proxy[] wires) =>
        context.StormAsync(400, 100, async () =>
        {
            await moment(context.Lab).WaitAsync(PatienceForMoment, context.Cancel);
            await Task.WhenAll(processes.Select(process => process.KillAsync(context.Cancel)));
            Array.ForEach(wires, wire => wire.Cut());
            await context.Lab.RepairAsync(context.Cancel);
        });

    private static async Task<string> EndedWithAllInWorkAsync(FaultContext context, bool isKill)
    {
        var lab = context.Lab;
        await Task.WhenAll(lab.Workers.Select(worker => worker.StopAsync(context.Cancel)));
        var report = await context.StormAsync(60, 60, async () =>
        {
            for (var i = 0; i < Loops; i++)
            {
                // Nothing reaches the database, not even the record of an attempt.
                _ = lab.WorkerToDatabase.HoldAsync(Direction.ToServer, piece => Moment.Begin(piece) || Moment.Contains(piece, "delivery_attempts"));
                await lab.Workers[0].StartAsync(context.Cancel);
                await context.UntilAsync("all messages are in flight", async () => await lab.CountReadyAsync(context.Cancel) == 0);
                await (isKill ? lab.Workers[0].KillAsync(context.Cancel) : lab.Workers[0].StopAsync(context.Cancel));
                lab.WorkerToDatabase.Cut();
            }

            await lab.RepairAsync(context.Cancel);
        });
        ExpectNothingParked(report);
        return $"{report}";
    }

    private static async Task<string> StoppedAgainAndAgainAsync(FaultContext context)
    {
        var report = await context.StormAsync(2500, 50, async () =>
        {
            for (var i = 0; i < Loops; i++)
            {
                await context.Lab.Workers[0].StopAsync(context.Cancel);
                await context.Lab.Workers[0].StartAsync(context.Cancel);
            }
        });
        ExpectNothingParked(report);
        return $"{report}";
    }

    private static async Task<string> DrainedBetweenRestartsAsync(FaultContext context)
    {
        var lab = context.Lab;
        var events = context.Scaled(20_000);
        await Task.WhenAll(lab.Workers.Select(worker => worker.StopAsync(context.Cancel)));
        var report = await context.StormAsync(events, 400, async () =>
        {
            await context.UntilAsync("half of the events are queued", async () => await lab.CountReadyAsync(context.Cancel) >= events / 2);
            for (var i = 0; i < 2 * Loops; i++)
            {
                var taken = lab.WorkerToBroker.HoldAsync(Direction.ToServer, Moment.Ack);
                await lab.Workers[0].StartAsync(context.Cancel);
                // The kill or SIGTERM hits the worker after the commit and before the acknowledgement.
                await taken.WaitAsync(PatienceForMoment, context.Cancel);
                await EndAsync(lab, isKill: i % 2 == 0, context.Cancel);
            }

            await lab.RepairAsync(context.Cancel);
        });
        ExpectNothingParked(report);
        return $"{report}";
    }

    private static async Task EndAsync(Lab lab, bool isKill, CancellationToken cancellationToken)
    {
        if (isKill)
        {
            await lab.Workers[0].KillAsync(cancellationToken);
            lab.WorkerToBroker.Cut();
        }
        else
        {
            lab.WorkerToBroker.Release();
            await lab.Workers[0].StopAsync(cancellationToken);
        }
    }

    private static async Task<string> StoppedUnderLoadAsync(FaultContext context)
    {
        var starts = new List<(DateTimeOffset Begin, DateTimeOffset Ready)>();
        var report = await context.StormAsync(1200, 100, async () =>
        {
            foreach (var ingress in context.Lab.Ingresses)
            {
                await ingress.Process.StopAsync(context.Cancel);
                var begin = TimeProvider.System.GetUtcNow();
                await ingress.Process.StartAsync(context.Cancel);
                starts.Add((begin, TimeProvider.System.GetUtcNow()));
            }

            foreach (var worker in context.Lab.Workers)
            {
                await worker.StopAsync(context.Cancel);
                await worker.StartAsync(context.Cancel);
            }
        });
        ExpectNothingParked(report);
        // The lab's load balancer does not check readiness, so an ingress without a broker connection yet answers 503.
        var refused = report.Ledger.Attempts.Where(attempt => attempt.Status >= 500);
        Expect(
            refused.All(attempt => starts.Any(start => attempt.At >= start.Begin && attempt.At <= start.Ready)),
            "an event was refused by an ingress that was ready");
        return $"{report}";
    }

    private static async Task<string> HaltedAsync(FaultContext context)
    {
        var report = await context.StormAsync(800, 60, async () =>
        {
            context.Lab.Workers[0].Halt();
            await context.WaitAsync(context.Scaled(45, atLeast: 15));
            context.Lab.Workers[0].Continue();
        });
        ExpectNothingParked(report);
        return $"{report}";
    }
}

/// <summary>Moments in a protocol at which a process can be stopped.</summary>
internal static class Moment
{
    public static bool Contains(ReadOnlyMemory<byte> piece, string text) => piece.Span.IndexOf(Encoding.ASCII.GetBytes(text)) >= 0;

    /// <summary>The client begins a transaction.</summary>
    public static bool Begin(ReadOnlyMemory<byte> piece) => Contains(piece, "BEGIN");

    /// <summary>PostgreSQL reports inserted rows.</summary>
    public static bool Inserted(ReadOnlyMemory<byte> piece) => Contains(piece, "INSERT 0 ");

    /// <summary>The client sends COMMIT, or PostgreSQL confirms it.</summary>
    public static bool Commit(ReadOnlyMemory<byte> piece) => Contains(piece, "COMMIT\0");

    /// <summary>The consumer acknowledges messages, or RabbitMQ confirms them: basic.ack, class 60, method 80.</summary>
    public static bool Ack(ReadOnlyMemory<byte> piece) => piece.Span.IndexOf((ReadOnlySpan<byte>)[0, 60, 0, 80]) >= 0;

    /// <summary>A contract message is published to RabbitMQ.</summary>
    public static Func<ReadOnlyMemory<byte>, bool> PublishOf(string contract) => piece => Contains(piece, $"Platform.Contracts:{contract}");
}
