using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Stage;
using Platform.LocalStack;

namespace Platform.Benchmarks.Parts;

/// <summary>
/// What it costs to tell the owners of jobs: a drain in which nobody is to be told, one in which it is only decided, one in which they are
/// told by webhook, and one in which the receiver is away. Every job is registered before.
/// </summary>
internal sealed class NotificationPart(Scale scale) : IPart
{
    private const string Secret = "whsec_YmVuY2ggb25seSwgbm90IGEgc2VjcmV0IGF0IGFsbC4=";

    public string Id => "h";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        // It reads what it is sent and answers 200: as cheap as a receiver can be.
        await using var receiver = await Rig.StartAsync(rig.Launcher.Rival("floor"), cancellationToken);
        await DrainAsync(rig, round, "off", port: null, isOn: false, cancellationToken);
        await DrainAsync(rig, round, "decided", receiver.Port, isOn: false, cancellationToken);
        await DrainAsync(rig, round, "told", receiver.Port, isOn: true, cancellationToken);
        round.Add("owners.told.rate", await rig.Tables.ReadAsync<double>(
            "select (count(*) / extract(epoch from max(delivered_at) - min(delivered_at)))::float8 from notifications where status = 'delivered'",
            cancellationToken));
        await DrainAsync(rig, round, "away", Machine.FreePort(), isOn: true, cancellationToken);
    }

    /// <param name="port">Where the owners want to be told; null when they do not.</param>
    /// <param name="isOn">They are told, and not only to be told.</param>
    private async Task DrainAsync(Rig rig, Round round, string name, int? port, bool isOn, CancellationToken cancellationToken)
    {
        var backlog = await Backlog.CreateAsync(rig, $"owners {name}", scale.CostDrained, cancellationToken);
        var url = port is null ? null : $"http://127.0.0.1:{port}/webhook";
        await rig.Tables.RegisterAsync(backlog.JobIds, url, cancellationToken);
        await using var worker = await Rig.StartAsync(rig.Launcher.Worker(isOn ? Settings(port) : null), cancellationToken);
        round.Add($"owners.{name}.published", (await backlog.MeasurePublishedAsync(cancellationToken)).PerSecond);
        round.Add($"owners.{name}.stored", (await backlog.MeasureStoredAsync(cancellationToken)).PerSecond);
        await CheckAsync(rig, name, url is null ? 0 : backlog.JobIds.Count(), isOn, cancellationToken);
    }

    private static Dictionary<string, string?> Settings(int? port) => new()
    {
        ["OutgoingWebhooks__Secrets__0"] = Secret,
        ["OutgoingWebhooks__AllowedTargets__0"] = $"127.0.0.1:{port}",
    };

    /// <summary>It did what it is measured for: decided for every job that has ended, and tried or not.</summary>
    private static async Task CheckAsync(Rig rig, string name, int ended, bool isOn, CancellationToken cancellationToken)
    {
        var decided = await rig.Tables.CountAsync("notifications", cancellationToken);
        if (decided != ended || (!isOn && await CountAttemptsAsync() > 0))
        {
            throw new InvalidOperationException($"owners {name}: {decided} notifications for {ended} jobs.");
        }

        await Waiting.UntilAsync("a notification to be tried", async () => !isOn || await CountAttemptsAsync() > 0, cancellationToken);

        Task<long> CountAttemptsAsync() => rig.Tables.CountAsync("notifications where attempts > 0", cancellationToken);
    }
}
