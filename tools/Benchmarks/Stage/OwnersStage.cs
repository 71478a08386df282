using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Figures;
using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>Notifying workers and the receivers of their notifications.</summary>
/// <param name="receiverPort">Port of a <see cref="ReceiverContestant"/>.</param>
/// <param name="unreachablePort">A port without a listener.</param>
internal sealed class OwnersStage(Rig rig, int receiverPort, int unreachablePort)
{
    private const string Secret = "whsec_YmVuY2ggb25seSwgbm90IGEgc2VjcmV0IGF0IGFsbC4=";

    // A complete block of samples, in which every start has its end.
    private const int WarmUpMessages = 1_000;

    private static readonly DrainCount WarmUp = new(WarmUp: 0, WarmUpMessages);

    // For an unmeasured worker: as fast as possible.
    private const int MostPerSecond = 10_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    public Rig Rig => rig;

    public int ReceiverPort => receiverPort;

    /// <summary>No mail server is configured, so notifications are recorded but never attempted.</summary>
    public static Contact ByMail { get; } = new("owner@example.com", WebhookUrl: null);

    public Contact Receiver { get; } = new(Email: null, $"http://127.0.0.1:{receiverPort}/webhook");

    public Contact Unreachable { get; } = new(Email: null, $"http://127.0.0.1:{unreachablePort}/webhook");

    /// <summary>Starts a worker and warms it up with events and notifications, so that the code for both is compiled.</summary>
    public async Task<Contestant> StartWarmAsync(int owners, CancellationToken cancellationToken)
    {
        var backlog = await Backlog.CreateAsync(rig, "warm-up", WarmUp, cancellationToken);
        await rig.Tables.RegisterAsync(backlog.JobIds.Take(owners), Receiver, cancellationToken);
        var worker = await Rig.StartAsync(rig.Launcher.Worker(Settings()), cancellationToken);
        try
        {
            await Waiting.UntilAsync(
                "a worker that has warmed up",
                async () => await rig.Tables.CountAsync("webhook_events", cancellationToken) == WarmUpMessages
                    && await rig.Tables.CountAsync("outbox_message", cancellationToken) == 0
                    && await rig.Tables.CountAsync("notifications where status = 'delivered'", cancellationToken) == owners,
                cancellationToken,
                Patience);
            await ReceiverContestant.TakeCountsAsync(receiverPort, cancellationToken);
            return worker;
        }
        catch
        {
            await worker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Attempts the remaining notifications, because a drain ends before all are attempted.</summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        await using var worker = await Rig.StartAsync(
            rig.Launcher.Worker(new Dictionary<string, string?>(Settings()) { ["Notifications__PerSecond"] = $"{MostPerSecond}" }), cancellationToken);
        await Waiting.UntilAsync(
            "an attempt of every notification",
            async () => await rig.Tables.CountAsync("notifications where attempts = 0", cancellationToken) == 0,
            cancellationToken,
            Patience);
        // A graceful stop finishes the attempts in flight.
        await worker.Process.StopAsync(cancellationToken);
    }

    private Dictionary<string, string?> Settings() => new()
    {
        ["OutgoingWebhooks__Secrets__0"] = Secret,
        ["OutgoingWebhooks__AllowedTargets__0"] = $"127.0.0.1:{receiverPort}",
        ["OutgoingWebhooks__AllowedTargets__1"] = $"127.0.0.1:{unreachablePort}",
    };
}
