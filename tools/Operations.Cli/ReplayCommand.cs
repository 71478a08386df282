using System.CommandLine;
using System.Text.Json;

namespace Operations.Cli;

/// <summary><c>replay</c>: publishes the domain events, or sends the notifications, of stored events again, through the operations API.</summary>
internal static class ReplayCommand
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    private static readonly Option<string?>[] Filters =
    [
        new("--type") { Description = "Such as video.completed." },
        new("--job") { Description = "The id of the job." },
        new("--from") { Description = "Received at this time or later, such as 2026-11-29T12:00:00Z." },
        new("--to") { Description = "Received before this time; by default until now." },
        new("--late") { Description = "true or false: signed long before it was received." },
        new("--origin") { Description = "live, reconcile or replay." },
        new("--trace") { Description = "A trace id." },
    ];

    private static readonly Option<string?> Reason = new("--reason") { Description = "Why, for the audit trail. Without it, the events are only counted." };

    private static readonly Option<bool> Notifications = new("--notifications") { Description = "Send notifications again, instead of publishing domain events." };

    private static readonly Option<bool> NewIds = new("--new-ids") { Description = "Give the domain events new message ids, so that subscribers apply them again." };

    private static readonly Option<int> PerSecond = OptionRules.Number("--per-second", "Events in a second.", 100, 1, 1000);

    private static readonly Option<Guid?> Stop = new("--stop") { Description = "Stop the replay with this id." };

    private static readonly Option<bool> List = new("--list") { Description = "List replays, newest first." };

    public static Command Create(Func<ApiAccess> byDefault)
    {
        var command = new Command("replay", "Publish domain events again, and follow the progress. Ctrl-C ends following; the replay continues.");
        foreach (var option in Filters.Append<Option>(Reason).Append(Notifications).Append(NewIds).Append(PerSecond).Append(Stop).Append(List))
        {
            command.Options.Add(option);
        }

        command.Exclude(Stop, [List, .. Filters]);
        command.Exclude(List, Filters);
        command.Exclude(Notifications, NewIds);
        command.Validators.Add(result =>
        {
            if (!result.Has(Stop) && !result.IsOn(List) && !Filters.Any(filter => result.Has(filter)))
            {
                result.AddError($"needs a filter: {string.Join(", ", Filters.Select(filter => filter.Name))}.");
            }
        });
        return command.UseApi(byDefault, RunAsync);
    }

    private static async Task<int> RunAsync(OperationsClient client, ParseResult arguments, CancellationToken cancellationToken)
    {
        if (arguments.GetValue(List))
        {
            var page = await client.GetAsync("ops/replays", cancellationToken);
            arguments.Print(page, [.. page.GetProperty("items").EnumerateArray()], "createdAt", "id", "status", "examined", "total", "published", "notified", "reason");
            return 0;
        }

        if (arguments.GetValue(Stop) is { } id)
        {
            Show(await client.PostAsync($"ops/replays/{id}/stop", null, cancellationToken));
            return 0;
        }

        return await StartAsync(client, arguments, cancellationToken);
    }

    private static async Task<int> StartAsync(OperationsClient client, ParseResult arguments, CancellationToken cancellationToken)
    {
        var reason = arguments.GetValue(Reason);
        var started = await client.PostAsync("ops/replays", ToRequest(arguments, reason), cancellationToken);
        if (reason is null)
        {
            Console.WriteLine($"{started.GetProperty("total")} events would be replayed; give a --reason to do it");
            return 0;
        }

        for (var replay = started; ; replay = await client.GetAsync($"ops/replays/{started.GetProperty("id")}", cancellationToken))
        {
            Show(replay);
            if (replay.GetProperty("status").GetString() is var status and not "running")
            {
                return status == "completed" ? 0 : 1;
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    private static object ToRequest(ParseResult arguments, string? reason) => new
    {
        filter = Filters.Where(filter => arguments.GetValue(filter) is not null)
            .ToDictionary(filter => filter.Name.TrimStart('-'), filter => Value(filter.Name, arguments.GetValue(filter)!)),
        what = new[] { arguments.GetValue(Notifications) ? "notifications" : "events" },
        preview = reason is null,
        reason,
        perSecond = arguments.GetValue(PerSecond),
        identity = arguments.GetValue(NewIds) ? "new" : "same",
    };

    private static object Value(string name, string text) => name == "--late" && bool.TryParse(text, out var flag) ? flag : text;

    private static void Show(JsonElement replay) => Console.WriteLine(
        $"{replay.GetProperty("id")}  {replay.GetProperty("status")}  {replay.GetProperty("examined")} of {replay.GetProperty("total")} events, "
        + $"{replay.GetProperty("published")} published, {replay.GetProperty("notified")} notifications due again");
}
