using Platform.Benchmarks.Contestants;
using Platform.LocalStack;

namespace Platform.Benchmarks.Stage;

/// <summary>Workers that tell the owners of jobs, and where those are told.</summary>
/// <param name="receiverPort">Of a <see cref="ReceiverContestant"/>.</param>
/// <param name="awayPort">Nobody listens there.</param>
internal sealed class OwnersStage(Rig rig, int receiverPort, int awayPort)
{
    private const string Secret = "whsec_YmVuY2ggb25seSwgbm90IGEgc2VjcmV0IGF0IGFsbC4=";

    // A whole block of samples: each start has its end.
    private const int WarmUpMessages = 1_000;

    // Of a worker that is not measured: as fast as it can.
    private const int MostPerSecond = 10_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public Rig Rig => rig;

    public int ReceiverPort => receiverPort;

    /// <summary>No mail server is configured: it is decided that they are told, and no more.</summary>
    public static Contact ByMail { get; } = new("owner@example.com", WebhookUrl: null);

    public Contact Receiver { get; } = new(Email: null, $"http://127.0.0.1:{receiverPort}/webhook");

    public Contact Away { get; } = new(Email: null, $"http://127.0.0.1:{awayPort}/webhook");

    /// <summary>A worker that has taken events and told so many owners: what both need is compiled by then.</summary>
    public async Task<Contestant> StartWarmAsync(int owners, CancellationToken cancellationToken)
    {
        var backlog = await Backlog.CreateAsync(rig, "warm-up", WarmUpMessages, cancellationToken);
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

    /// <summary>How many owners were told in a second.</summary>
    public Task<double> ReadRateAsync(CancellationToken cancellationToken) => rig.Tables.ReadAsync<double>(
        "select (count(*) / extract(epoch from max(delivered_at) - min(delivered_at)))::float8 from notifications where status = 'delivered'",
        cancellationToken);

    /// <summary>Tries what was not tried yet: a drain ends before that.</summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        await using var worker = await Rig.StartAsync(
            rig.Launcher.Worker(new Dictionary<string, string?>(Settings()) { ["Notifications__PerSecond"] = $"{MostPerSecond}" }), cancellationToken);
        await Waiting.UntilAsync(
            "every notification to be tried",
            async () => await rig.Tables.CountAsync("notifications where attempts = 0", cancellationToken) == 0,
            cancellationToken,
            Patience);
        // What is begun is finished.
        await worker.Process.StopAsync(cancellationToken);
    }

    private Dictionary<string, string?> Settings() => new()
    {
        ["OutgoingWebhooks__Secrets__0"] = Secret,
        ["OutgoingWebhooks__AllowedTargets__0"] = $"127.0.0.1:{receiverPort}",
        ["OutgoingWebhooks__AllowedTargets__1"] = $"127.0.0.1:{awayPort}",
    };
}
