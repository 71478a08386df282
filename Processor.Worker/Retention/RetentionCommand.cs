using System.Globalization;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Retention;

/// <summary>
/// The verb <c>retention</c>: drops what has expired. Safe to run twice: of two at once, one does nothing. Exits with 0 when everything that
/// has expired is dropped, and with 1 otherwise.
/// </summary>
internal static class RetentionCommand
{
    public static async Task<int> RunAsync(IServiceProvider services, bool isDryRun, CancellationToken cancellationToken)
    {
        // The host is never started, so its handling of Ctrl-C is started here.
        await services.GetRequiredService<IHostLifetime>().WaitForStartAsync(cancellationToken);
        try
        {
            await services.GetRequiredService<DatabaseSession>().VerifyAsync(cancellationToken);
            if (!await services.GetRequiredService<DatabaseSchema>().IsCurrentAsync(cancellationToken))
            {
                throw new InvalidOperationException("The schema is not up to date; 'Processor.Worker migrate' updates it.");
            }

            var run = services.GetRequiredService<RetentionRun>();
            return isDryRun ? await CountAsync(run, cancellationToken) : await DropAsync(run, cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            VerbFailure.Write("retention", exception);
            return 1;
        }
    }

    private static async Task<int> CountAsync(RetentionRun run, CancellationToken cancellationToken)
    {
        await run.CountAsync(counted => Write($"would drop {counted.Rows:N0} of {counted.Table}"), cancellationToken);
        return 0;
    }

    private static async Task<int> DropAsync(RetentionRun run, CancellationToken cancellationToken)
    {
        switch (await run.RunAsync(unlessSince: null, Show, cancellationToken))
        {
            case RunOutcome.Succeeded:
                return 0;
            case RunOutcome.RunsElsewhere:
                Console.Error.WriteLine("retention does nothing: another process is running it.");
                return 1;
            default:
                Console.Error.WriteLine("Run it again for the rest.");
                return 1;
        }
    }

    private static void Show(RetentionRecord record) => Write(
        $"dropped {record.Dropped:N0} of {record.TableName} in {record.Duration.TotalSeconds:0.0} s{(record.Error is null ? "" : $", then failed: {record.Error}")}");

    private static void Write(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
