using Platform.LocalStack;
using Platform.Simulator.Storms;
using static Platform.Simulator.Faults.FaultContext;

namespace Platform.Simulator.Faults;

/// <summary>What tells the owners dies at the worst moments; the storm goes on meanwhile.</summary>
internal static class NotificationFaults
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private static readonly TimeSpan PatienceForMoment = TimeSpan.FromSeconds(30);

    public static IEnumerable<Fault> All =>
    [
        new("N01.1", "kill -9 the worker that tells, after it has taken what is due and before it sends", "each end of a job told once",
            context => TellersDieAsync(context, (lab, owners) =>
                // The address, on its way from the database.
                lab.WorkerToDatabase.HoldAsync(Direction.ToClient, piece => Moment.Contains(piece, owners.Target)))),
        new("N01.2", "kill -9 the worker that tells, after it has sent and before that is written down", "told again under the same id",
            context => TellersDieAsync(context, (_, owners) => HangAsync(owners))),
    ];

    private static async Task<string> TellersDieAsync(FaultContext context, Func<Lab, WebhookReceiver, Task> moment)
    {
        await using var owners = await WebhookReceiver.StartAsync(context.Cancel);
        // The others tell nobody: they have no secret.
        var teller = context.Lab.Worker("worker-tells", new Dictionary<string, string?>
        {
            ["OutgoingWebhooks__Secrets__0"] = Secret,
            ["OutgoingWebhooks__AllowedTargets__0"] = owners.Target,
            ["Notifications__PollInterval"] = "00:00:00.200",
            ["Notifications__SendTimeout"] = "00:00:02",
        });
        try
        {
            await teller.StartAsync(context.Cancel);
            var report = await context.StormAsync(
                new StormSettings { Events = 300, Rate = 60, Corrected = 0.1 },
                async () =>
                {
                    await moment(context.Lab, owners).WaitAsync(PatienceForMoment, context.Cancel);
                    await teller.KillAsync(context.Cancel);
                    context.Lab.WorkerToDatabase.Cut();
                    owners.AnswerWith(200);
                    await teller.StartAsync(context.Cancel);
                },
                owners);
            ExpectNothingParked(report);
            var told = owners.Received.Select(webhook => webhook.Id).Distinct().Count();
            Expect(told > 0, "nobody was told anything");
            return $"{told} told, {owners.Received.Count - told} of them repeated; {report}";
        }
        finally
        {
            await teller.KillAsync(CancellationToken.None);
        }
    }

    /// <summary>Takes the next webhook and never answers it.</summary>
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
