using Npgsql;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Rebuild;

/// <summary>
/// The verb <c>rebuild</c>: computes <c>jobs</c> from the stored events again. Safe at any time, also beside other runs and while events arrive. Exits
/// with 0 when every row matches its events, or was written; with 1 when a check has found a difference, and on a failure.
/// </summary>
internal static class RebuildCommand
{
    public static async Task<int> RunAsync(IServiceProvider services, RebuildRequest request, CancellationToken cancellationToken)
    {
        // The host is never started, so its handling of Ctrl-C is started here.
        await services.GetRequiredService<IHostLifetime>().WaitForStartAsync(cancellationToken);
        var time = services.GetRequiredService<TimeProvider>();
        var report = new RebuildReport(request, Console.Out, time);
        try
        {
            await services.GetRequiredService<DatabaseSession>().VerifyAsync(cancellationToken);
            if (!await services.GetRequiredService<DatabaseSchema>().IsCurrentAsync(cancellationToken))
            {
                throw new InvalidOperationException("The schema is not up to date; 'Processor.Worker migrate' updates it.");
            }

            await new RebuildRun(services.GetRequiredService<NpgsqlDataSource>(), report, time).RunAsync(request, cancellationToken);
            report.Summarize();
            return report.IsClean ? 0 : 1;
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            report.Summarize();
            VerbFailure.Write("rebuild", exception);
            return 1;
        }
    }
}
