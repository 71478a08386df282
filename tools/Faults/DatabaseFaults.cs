using Npgsql;
using Platform.DevStack;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>The database crashes, restarts, refuses writes or holds locks. The ingress is unaffected; nothing is parked.</summary>
internal static class DatabaseFaults
{
    public static IEnumerable<Fault> All =>
    [
        DuringStorm("D01.1", "restart the database (fast)", Restart(Signal.Interrupt)),
        DuringStorm("D01.2", "restart the database (immediate)", Restart(Signal.Quit)),
        DuringStorm("D01.3", "kill -9 a backend", KillBackendAsync),
        DuringStorm("D01.4", "kill -9 the postmaster", Restart(Signal.Kill)),
        DuringStorm("D02", "lose the response to COMMIT", LoseCommitAsync),
        DuringStorm("D05", "default_transaction_read_only = on", ReadOnlyAsync),
        DuringStorm("D07", "lock inbox_state exclusively", LockAsync),
        DuringStorm("D08", "random deadlocks and serialization failures", DeadlocksAsync),
        new("D13", "database down for 5 minutes, with a consumer_timeout of 1 minute", "5,000 queued events are applied afterwards; nothing parked", UnavailableAsync)
        {
            IsFullOnly = true,
        },
    ];

    private static Fault DuringStorm(string id, string what, Func<FaultContext, Task> inject) => new(
        id, what, "200 throughout; the workers resume by themselves; nothing parked", async context =>
        {
            var report = await context.StormAsync(600, 60, () => inject(context));
            ExpectNothingParked(report);
            Expect(report.CountStatus(503) == 0, $"the ingress answered 503 {report.CountStatus(503)} times");
            return $"{report}";
        });

    private static Func<FaultContext, Task> Restart(Signal signal) => async context =>
    {
        var server = context.Lab.DatabaseServer;
        if (signal is Signal.Kill)
        {
            await server.KillAsync(context.Cancel);
        }
        else
        {
            server.Daemon.Send(signal);
            await context.UntilAsync("the database is down", () => Task.FromResult(!server.IsAlive));
        }

        await context.WaitAsync(context.Scaled(30, atLeast: 3));
        await server.StartAsync(context.Cancel);
    };

    private static async Task<string> UnavailableAsync(FaultContext context)
    {
        await context.Lab.Broker.ControlAsync(context.Cancel, "eval", "application:set_env(rabbit, consumer_timeout, 60000).");
        var report = await context.StormAsync(5000, 100, async () =>
        {
            await context.Lab.DatabaseServer.KillAsync(context.Cancel);
            await context.WaitAsync(TimeSpan.FromMinutes(5));
            await context.Lab.DatabaseServer.StartAsync(context.Cancel);
        });
        ExpectNothingParked(report);
        Expect(report.CountStatus(503) == 0, $"the ingress answered 503 {report.CountStatus(503)} times");
        return $"{report}";
    }

    private static async Task KillBackendAsync(FaultContext context)
    {
        var pid = await context.Lab.QueryAsync<int>(
            "select pid from pg_stat_activity where application_name = 'processor-worker' limit 1", context.Cancel);
        Daemon.Send(pid, Signal.Kill);
        // PostgreSQL restarts all backends when one is killed.
        await context.UntilAsync("the database is back", async () =>
        {
            try
            {
                return await context.Lab.QueryAsync<int>("select 1", context.Cancel) == 1;
            }
            catch (NpgsqlException)
            {
                return false;
            }
        });
    }

    private static async Task LoseCommitAsync(FaultContext context)
    {
        for (var i = 0; i < 3; i++)
        {
            await context.Lab.WorkerToDatabase.HoldAsync(Direction.ToClient, Moment.Commit).WaitAsync(context.Cancel);
            await context.WaitAsync(TimeSpan.FromSeconds(1));
            context.Lab.WorkerToDatabase.Cut();
        }
    }

    private static async Task ReadOnlyAsync(FaultContext context)
    {
        await SetReadOnlyAsync("on");
        await context.WaitAsync(context.Scaled(60, atLeast: 12));
        await SetReadOnlyAsync("off");

        async Task SetReadOnlyAsync(string value)
        {
            await using var connection = await context.Lab.Database.OpenConnectionAsync(context.Cancel);
            foreach (var sql in new[] { "set default_transaction_read_only = off", $"alter system set default_transaction_read_only = {value}", "select pg_reload_conf()" })
            {
                await using var command = new NpgsqlCommand(sql, connection);
                await command.ExecuteNonQueryAsync(context.Cancel);
            }
        }
    }

    private static async Task LockAsync(FaultContext context)
    {
        await using var connection = await context.Lab.Database.OpenConnectionAsync(context.Cancel);
        await using var transaction = await connection.BeginTransactionAsync(context.Cancel);
        await using var command = new NpgsqlCommand("lock table inbox_state in access exclusive mode", connection);
        await command.ExecuteNonQueryAsync(context.Cancel);
        await context.WaitAsync(context.Scaled(60, atLeast: 15));
        await transaction.RollbackAsync(context.Cancel);
    }

    private static async Task DeadlocksAsync(FaultContext context)
    {
        await context.Lab.ExecuteAsync(
            """
            create function clash() returns trigger language plpgsql as $$
            begin
                if random() < 0.05 then raise exception 'clash' using errcode = '40P01'; end if;
                if random() < 0.05 then raise exception 'clash' using errcode = '40001'; end if;
                return new;
            end $$;
            create trigger clash before insert on webhook_events for each row execute function clash();
            """,
            context.Cancel);
        await context.WaitAsync(context.Scaled(60, atLeast: 5));
        await context.Lab.ExecuteAsync("drop function clash cascade", context.Cancel);
    }
}
