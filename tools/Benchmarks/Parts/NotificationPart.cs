using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Stage;
using Platform.DevStack;

namespace Platform.Benchmarks.Parts;

/// <summary>
/// The cost of notifications: a drain without any, one that only records them, one that sends webhooks, and one whose receiver is
/// unreachable. Every job is registered before the drain, and every worker has the same settings and the same warm-up.
/// </summary>
internal sealed class NotificationPart(Scale scale) : IPart
{
    // The default of Notifications__PerSecond.
    private const int NotifiedPerSecond = 100;

    public string Id => "h";

    public string Name => "notifications";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        await using var receiver = await Rig.StartAsync(rig.Launcher.Rival("receiver"), cancellationToken);
        var stage = new OwnersStage(rig, receiver.Port, Machine.FreePort());
        (string Name, Contact Contact, string? Each)[] drains =
        [
            ("off", default, null),
            ("decided", OwnersStage.ByMail, "status = 'pending' and attempts = 0"),
            ("notified", stage.Receiver, "status = 'delivered' and attempts = 1"),
            ("unreachable", stage.Unreachable, "status = 'pending' and attempts > 0 and last_error is not null"),
        ];
        var count = await Backlog.SizeAsync(rig, Drainer.Emptied, scale.CostDrained, cancellationToken);
        // Each round begins with a different drain, because servers are slower just after their start.
        for (var i = 0; i < drains.Length; i++)
        {
            var (name, contact, each) = drains[(round.Number + i) % drains.Length];
            await DrainAsync(stage, round, name, count, contact, each, cancellationToken);
        }
    }

    /// <param name="each">SQL condition that every notification must meet at the end; null when there must be none.</param>
    private async Task DrainAsync(
        OwnersStage stage, Round round, string name, DrainCount count, Contact contact, string? each, CancellationToken cancellationToken)
    {
        // Half the warm-up of an ingress: the notification code is compiled after a few dozen.
        await using var worker = await stage.StartWarmAsync(owners: (int)(NotifiedPerSecond * scale.CostWarmUp.TotalSeconds / 2), cancellationToken);
        var backlog = await Backlog.CreateAsync(stage.Rig, $"owners {name}", count, cancellationToken, worker: worker);
        await stage.Rig.Tables.RegisterAsync(backlog.JobIds, contact, cancellationToken);
        worker.Process.Continue();
        round.Add($"owners.{name}.published", (await backlog.MeasurePublishedAsync(cancellationToken)).Steady.PerSecond);
        round.Add($"owners.{name}.stored", (await backlog.MeasureStoredAsync(cancellationToken)).Steady.PerSecond);
        await worker.Process.StopAsync(cancellationToken);
        if (contact == stage.Receiver)
        {
            round.Add("owners.notified.rate", await stage.Rig.Tables.ReadNotifiedRateAsync(cancellationToken));
        }

        if (contact.WebhookUrl is not null)
        {
            await stage.FinishAsync(cancellationToken);
        }

        await CheckAsync(stage, name, backlog.JobIds.Count(), contact, each, cancellationToken);
    }

    /// <summary>Checks that the drain did all its work; otherwise its figure is invalid.</summary>
    private static async Task CheckAsync(
        OwnersStage stage, string name, int jobs, Contact contact, string? each, CancellationToken cancellationToken)
    {
        var tables = stage.Rig.Tables;
        var completed = await tables.CountAsync("jobs where status = 'completed'", cancellationToken);
        var decided = await tables.CountAsync("notifications", cancellationToken);
        var asExpected = await tables.CountAsync($"notifications where {each ?? "true"}", cancellationToken);
        var received = await ReceiverContestant.TakeCountsAsync(stage.ReceiverPort, cancellationToken);
        var expected = each is null ? 0 : jobs;
        var receivedExpected = contact == stage.Receiver ? jobs : 0;
        if ((completed, decided, asExpected, received) != (jobs, expected, expected, new ReceivedCounts(receivedExpected, receivedExpected)))
        {
            throw new InvalidOperationException(
                $"owners {name}: of {jobs} jobs {completed} are completed; {decided} notifications, {asExpected} of them as expected; {received}.");
        }
    }
}
