using Platform.DevStack;
using Platform.Simulator.Storms;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>The notifying worker is killed at the worst moments while the storm continues.</summary>
internal static class NotificationFaults
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private static readonly TimeSpan PatienceForMoment = TimeSpan.FromSeconds(30);

    public static IEnumerable<Fault> All =>
    [
        new("N01.1", "kill -9 the notifying worker between claiming and sending", "each end of a job notified once",
            context => NotifiersDieAsync(context, (lab, owners) =>
                // The receiver's address in the claimed rows, on its way from the database.
                lab.WorkerToDatabase.HoldAsync(Direction.ToClient, piece => Moment.Contains(piece, owners.Target)))),
        new("N01.2", "kill -9 the notifying worker between sending and recording", "notified again under the same id",
            context => NotifiersDieAsync(context, (_, owners) => HangAsync(owners))),
    ];

    private static async Task<string> NotifiersDieAsync(FaultContext context, Func<Lab, WebhookReceiver, Task> moment)
    {
        await using var owners = await WebhookReceiver.StartAsync(context.Cancel);
        owners.Secret = Secret;
        // The other workers send no webhooks, because they have no secret.
        var notifier = context.Lab.Worker("worker-tells", new Dictionary<string, string?>
        {
            ["OutgoingWebhooks__Secrets__0"] = Secret,
            ["OutgoingWebhooks__AllowedTargets__0"] = owners.Target,
            ["Notifications__PollInterval"] = "00:00:00.200",
            ["Notifications__SendTimeout"] = "00:00:02",
        });
        try
        {
            await notifier.StartAsync(context.Cancel);
            var report = await context.StormAsync(
                new StormSettings { Events = 300, Rate = 60, Corrected = 0.1 },
                async () =>
                {
                    await moment(context.Lab, owners).WaitAsync(PatienceForMoment, context.Cancel);
                    await notifier.KillAsync(context.Cancel);
                    context.Lab.WorkerToDatabase.Cut();
                    owners.AnswerWith(200);
                    await notifier.StartAsync(context.Cancel);
                },
                owners);
            ExpectNothingParked(report);
            var notified = owners.Received.Select(webhook => webhook.Id).Distinct().Count();
            Expect(notified > 0, "no owner was notified");
            return $"{notified} notified, {owners.Received.Count - notified} repeated; {report}";
        }
        finally
        {
            await notifier.KillAsync(CancellationToken.None);
        }
    }

    /// <summary>Accepts the next webhook and never answers it.</summary>
    private static async Task HangAsync(WebhookReceiver owners)
    {
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        owners.Answer = http =>
        {
            taken.TrySetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, http.RequestAborted);
        };
        await taken.Task;
    }
}
