using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Stage;
using Platform.LocalStack;

namespace Platform.Benchmarks.Parts;

/// <summary>
/// What it costs to tell the owners of jobs: a drain in which nobody is to be told, one in which it is only decided, one in which they are
/// told by webhook, and one in which the receiver is away. Every job is registered before, and every worker has the same settings and has
/// done the same before.
/// </summary>
internal sealed class NotificationPart(Scale scale) : IPart
{
    // The default of Notifications__PerSecond.
    private const int ToldPerSecond = 100;

    public string Id => "h";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        await using var receiver = await Rig.StartAsync(rig.Launcher.Rival("receiver"), cancellationToken);
        var stage = new OwnersStage(rig, receiver.Port, Machine.FreePort());
        (string Name, Contact Contact, string? Each)[] drains =
        [
            ("off", default, null),
            ("decided", OwnersStage.ByMail, "status = 'pending' and attempts = 0"),
            ("told", stage.Receiver, "status = 'delivered' and attempts = 1"),
            ("away", stage.Away, "status = 'pending' and attempts > 0 and last_error is not null"),
        ];
        // Each round begins with another: servers that have just started are slower than later.
        for (var i = 0; i < drains.Length; i++)
        {
            var (name, contact, each) = drains[(round.Number + i) % drains.Length];
            await DrainAsync(stage, round, name, contact, each, cancellationToken);
        }
    }

    /// <param name="each">What has become of every notification in the end, as SQL; null when there is to be none.</param>
    private async Task DrainAsync(OwnersStage stage, Round round, string name, Contact contact, string? each, CancellationToken cancellationToken)
    {
        // For half as long as an ingress warms up: what tells an owner is compiled after a few dozen.
        await using var worker = await stage.StartWarmAsync(owners: (int)(ToldPerSecond * scale.CostWarmUp.TotalSeconds / 2), cancellationToken);
        var backlog = await Backlog.CreateAsync(stage.Rig, $"owners {name}", scale.CostDrained, cancellationToken, worker: worker);
        await stage.Rig.Tables.RegisterAsync(backlog.JobIds, contact, cancellationToken);
        worker.Process.Continue();
        round.Add($"owners.{name}.published", (await backlog.MeasurePublishedAsync(cancellationToken)).PerSecond);
        round.Add($"owners.{name}.stored", (await backlog.MeasureStoredAsync(cancellationToken)).PerSecond);
        await worker.Process.StopAsync(cancellationToken);
        if (contact == stage.Receiver)
        {
            round.Add("owners.told.rate", await stage.ReadRateAsync(cancellationToken));
        }

        if (contact.WebhookUrl is not null)
        {
            await stage.FinishAsync(cancellationToken);
        }

        await CheckAsync(stage, name, backlog.JobIds.Count(), contact, each, cancellationToken);
    }

    /// <summary>It did what it was measured for, whole: a figure of anything less would say nothing.</summary>
    private static async Task CheckAsync(
        OwnersStage stage, string name, int jobs, Contact contact, string? each, CancellationToken cancellationToken)
    {
        var tables = stage.Rig.Tables;
        var completed = await tables.CountAsync("jobs where status = 'completed'", cancellationToken);
        var decided = await tables.CountAsync("notifications", cancellationToken);
        var asExpected = await tables.CountAsync($"notifications where {each ?? "true"}", cancellationToken);
        var told = await ReceiverContestant.TakeCountsAsync(stage.ReceiverPort, cancellationToken);
        var expected = each is null ? 0 : jobs;
        var toldExpected = contact == stage.Receiver ? jobs : 0;
        if ((completed, decided, asExpected, told) != (jobs, expected, expected, new Told(toldExpected, toldExpected)))
        {
            throw new InvalidOperationException(
                $"owners {name}: of {jobs} jobs {completed} are completed; {decided} notifications, {asExpected} of them as they should be; {told}.");
        }
    }
}
