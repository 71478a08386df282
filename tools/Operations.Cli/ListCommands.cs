using System.CommandLine;

namespace Operations.Cli;

/// <summary><c>events</c> and <c>jobs</c>: finds events and jobs through the operations API.</summary>
internal static class ListCommands
{
    private static readonly Option<int> Limit = OptionRules.Number("--limit", "Most rows to show.", 50, 1, 200);

    private static readonly Option<string?> Cursor = new("--cursor") { Description = "Where to continue: printed at the end of the previous page." };

    public static Command CreateEvents(Func<ApiAccess> byDefault) => Create(
        byDefault,
        "events",
        "Find events, newest first.",
        ["receivedAt", "type", "jobId", "eventId", "origin", "late", "variants"],
        Filter("--type", "Such as video.completed."),
        Filter("--job", "The id of the job."),
        Filter("--from", "Received at this time or later, such as 2026-11-29T12:00:00Z."),
        Filter("--to", "Received before this time."),
        Filter("--late", "true or false: signed long before it was received."),
        Filter("--origin", "live, reconcile or replay."),
        Filter("--trace", "A trace id."));

    public static Command CreateJobs(Func<ApiAccess> byDefault) => Create(
        byDefault,
        "jobs",
        "Find jobs, newest first.",
        ["createdAt", "status", "resource", "jobId", "userId", "projectType", "overdue"],
        Filter("--status", "queued, rendering, canceled, failed or completed."),
        Filter("--resource", "video, image or audio."),
        Filter("--user", "The id of the owner."),
        Filter("--overdue", "true or false: without an end although a check at Magic Hour was due."),
        Filter("--from", "Created at this time or later, such as 2026-11-29T12:00:00Z."),
        Filter("--to", "Created before this time."));

    private static Command Create(Func<ApiAccess> byDefault, string name, string description, string[] columns, params Option<string?>[] filters)
    {
        var command = new Command(name, description);
        foreach (var option in filters.Append<Option>(Limit).Append(Cursor))
        {
            command.Options.Add(option);
        }

        return command.UseApi(byDefault, async (client, arguments, cancellationToken) =>
        {
            var query = arguments.Query(filters.Append(Cursor));
            var page = await client.GetAsync($"ops/{name}?limit={arguments.GetValue(Limit)}&{query}", cancellationToken);
            arguments.Print(page, [.. page.GetProperty("items").EnumerateArray()], columns);
            if (page.GetProperty("next").GetString() is { } next && !arguments.GetValue(OperationsOptions.Json))
            {
                await Console.Error.WriteLineAsync($"There are more: --cursor {next}");
            }

            return 0;
        });
    }

    private static Option<string?> Filter(string name, string description) => new(name) { Description = description };
}
