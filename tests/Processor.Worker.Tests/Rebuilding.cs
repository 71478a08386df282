using Processor.Worker.Rebuild;

namespace Processor.Worker.Tests;

/// <summary>Runs of <c>rebuild</c> and their output.</summary>
internal static class Rebuilding
{
    public static Task<RebuildResult> CheckAsync(this TestDatabase database, string? jobId = null) => database.RebuildAsync(new RebuildRequest(jobId, IsCheck: true));

    public static Task<RebuildResult> RebuildAsync(this TestDatabase database, string? jobId = null, TimeProvider? time = null) =>
        database.RebuildAsync(new RebuildRequest(jobId, IsCheck: false), time);

    private static async Task<RebuildResult> RebuildAsync(this TestDatabase database, RebuildRequest request, TimeProvider? time = null)
    {
        await using var output = new StringWriter();
        var report = new RebuildReport(request, output, time ?? TimeProvider.System);
        await new RebuildRun(database.Source, report, time ?? TimeProvider.System).RunAsync(request, TestContext.Current.CancellationToken);
        return new RebuildResult(report.IsClean, output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}

/// <param name="Lines">Without the summary.</param>
internal sealed record RebuildResult(bool IsClean, string[] Lines);
