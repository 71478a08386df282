using Platform.Contracts;
using Platform.Faults.Fuzz;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>Malformed messages from a program that may publish to the exchanges.</summary>
internal static class MalformedFaults
{
    private const int AtRandom = 3000;

    public static IEnumerable<Fault> All =>
    [
        new(
            "T17", "malformed messages of every contract: arbitrary JSON in the envelope, or no envelope",
            "each is applied or parked; others are applied; no outage", MalformedAsync),
    ];

    private static async Task<string> MalformedAsync(FaultContext context)
    {
        var traffic = new ContractTraffic(context.Lab.Broker.Uri, context.Lab.Database);
        var messages = ContractMessages.Malformed(context.Seed, context.Scaled(AtRandom));
        var outages = CountOutages(context);
        MessageFates? fates = null;
        var report = await context.StormAsync(600, 100, async () =>
        {
            await traffic.PublishAsync(messages, context.Cancel);
            try
            {
                await context.UntilAsync("each is applied or parked", async () =>
                    !(fates = await traffic.FindAsync(messages, context.Cancel)).ByPlace[MessageFates.Nowhere].Any());
            }
            catch (TimeoutException)
            {
                throw new UnexpectedException($"{fates}:\n{string.Join('\n', fates!.ByPlace[MessageFates.Nowhere].Take(10))}");
            }

            await traffic.ForgetReportsAsync(messages, context.Cancel);
        });

        var others = await traffic.FindOthersParkedAsync(messages, context.Cancel);
        Expect(others.Count == 0, $"others are parked too:\n{string.Join('\n', others)}");
        Expect(fates!.Faults.Count == 0, string.Join('\n', fates.Faults.Take(10)));
        Expect(CountOutages(context) == outages, "a worker treated a malformed message as a database outage");
        await ExpectReadableAsync(context, fates.ByPlace[Topology.ErrorQueue].Count());
        await traffic.PurgeAsync(context.Cancel);
        return $"{fates}; {report}";
    }

    private static int CountOutages(FaultContext context) =>
        context.Lab.Workers.Sum(worker => File.ReadAllText(worker.Daemon.LogFile).Split("The database is unavailable").Length - 1);

    private static async Task ExpectReadableAsync(FaultContext context, int parked)
    {
        var release = (await context.Lab.RunVerbAsync(["release", "--error", "--dry-run"], context.Cancel)).ThrowIfFailed("release");
        var shown = release.Output.Split('\n').Count(line => line.StartsWith("would release  ", StringComparison.Ordinal));
        Expect(shown == parked, $"the verb release shows {shown} of {parked} parked messages");
    }
}
