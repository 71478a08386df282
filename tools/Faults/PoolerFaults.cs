using System.Text.RegularExpressions;
using Platform.DevStack;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>A pooler between the workers and the database: each transaction runs in any session.</summary>
internal static partial class PoolerFaults
{
    public static IEnumerable<Fault> All =>
    [
        new(
            "D14", "kill -9 the PgBouncer, in transaction mode, between the workers and the database",
            "the workers wait and resume; nothing parked; no error of a prepared statement", BehindPgBouncerAsync),
    ];

    private static async Task<string> BehindPgBouncerAsync(FaultContext context)
    {
        var lab = context.Lab;
        await using var folder = await TestFolder.CreateAsync(context.Cancel);
        var pooler = await PgBouncerServer.StartAsync(
            folder.Path, folder.Daemons, lab.Postgres, context.Cancel,
            "pool_mode = transaction", "ignore_startup_parameters = options", "default_pool_size = 8", "server_round_robin = 1");
        var settings = new Dictionary<string, string?>
        {
            ["ConnectionStrings__Postgres"] = pooler.ConnectionString,
            ["Database__Pooler"] = "Transaction",
            ["Database__Direct"] = lab.Postgres,
        };
        await GiveSettingsToRoleAsync(context, settings);
        // The sessions that it has already lack the settings.
        await pooler.Process.KillAsync(context.Cancel);
        await pooler.Process.StartAsync(context.Cancel);

        // The lab's own workers must not share the queue.
        await Task.WhenAll(lab.Workers.Select(worker => worker.StopAsync(context.Cancel)));
        ServerProcess[] workers = [lab.Worker("pooled-1", settings), lab.Worker("pooled-2", settings)];
        await Task.WhenAll(workers.Select(worker => worker.StartAsync(context.Cancel)));
        var report = await context.StormAsync(2000, 200, async () =>
        {
            await pooler.Process.KillAsync(context.Cancel);
            await context.WaitAsync(context.Scaled(30, atLeast: 3));
            await pooler.Process.StartAsync(context.Cancel);
        });
        await Task.WhenAll(workers.Select(worker => worker.StopAsync(context.Cancel)));
        await lab.RepairAsync(context.Cancel);

        ExpectNothingParked(report);
        var errors = (await File.ReadAllLinesAsync(pooler.Log, context.Cancel)).Where(line => line.Contains("prepared statement", StringComparison.Ordinal)).ToArray();
        Expect(errors.Length == 0, $"PgBouncer logged {errors.FirstOrDefault()}");
        return $"{report}";
    }

    // As an operator would: with the statements that the worker names when it refuses to start.
    private static async Task GiveSettingsToRoleAsync(FaultContext context, Dictionary<string, string?> settings)
    {
        var refused = await Services.RunVerbAsync(context.Lab.Broker.Uri, settings["ConnectionStrings__Postgres"]!, ["rebuild", "--check"], context.Cancel, settings);
        foreach (Match statement in RoleSettings().Matches(refused.Error))
        {
            await context.Lab.ExecuteAsync(statement.Value, context.Cancel);
        }
    }

    [GeneratedRegex("alter role [^;]+;")]
    private static partial Regex RoleSettings();
}
