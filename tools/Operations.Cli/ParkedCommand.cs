using System.CommandLine;
using System.Text.Json;

namespace Operations.Cli;

/// <summary><c>parked</c>: shows what is parked and why, releases it, or discards it, through the operations API.</summary>
internal static class ParkedCommand
{
    private static readonly Argument<string> Place = new("PLACE") { Description = "error, dead, quarantined, notifications or registrations." };

    private static readonly Option<string?> Group = new("--group") { Description = "The group to release or discard, as the list shows it." };

    private static readonly Option<string[]> Ids = new("--id") { Description = "The message to release or discard; may be repeated." };

    private static readonly Option<bool> Release = new("--release") { Description = "Put the messages back through the front of the pipeline." };

    private static readonly Option<bool> Discard = new("--discard") { Description = "Remove the messages; their content stays in quarantined_events." };

    private static readonly Option<string?> Reason = new("--reason") { Description = "Why, for the audit trail. Without it, the messages are only counted." };

    private static readonly Option<int> PerSecond = OptionRules.Number("--per-second", "Messages released in a second.", 500, 1, 10_000);

    public static Command Create(Func<ApiAccess> byDefault)
    {
        var command = new Command("parked", "Show parked messages by cause, or release or discard a group of them.")
        {
            Place, Group, Ids, Release, Discard, Reason, PerSecond,
        };
        command.Exclude(Release, Discard);
        command.Exclude(Group, Ids);
        command.Validators.Add(result =>
        {
            if ((result.IsOn(Release) || result.IsOn(Discard)) != (result.Has(Group) || result.Has(Ids)))
            {
                result.AddError("--release and --discard need --group or --id, and these need one of them.");
            }
        });
        return command.UseApi(byDefault, (client, arguments, cancellationToken) => arguments.GetValue(Release) || arguments.GetValue(Discard)
            ? ActAsync(client, arguments, cancellationToken)
            : ListAsync(client, arguments, cancellationToken));
    }

    private static async Task<int> ListAsync(OperationsClient client, ParseResult arguments, CancellationToken cancellationToken)
    {
        var place = Uri.EscapeDataString(arguments.GetRequiredValue(Place));
        var parked = await client.GetAsync($"ops/parked?place={place}", cancellationToken);
        arguments.Print(parked, [.. parked.GetProperty("groups").EnumerateArray()], "group", "count", "usable", "firstAt", "lastAt", "cause");
        return 0;
    }

    /// <summary>Repeats the request until everything is done: each has a time limit.</summary>
    private static async Task<int> ActAsync(OperationsClient client, ParseResult arguments, CancellationToken cancellationToken)
    {
        var (verb, done) = arguments.GetValue(Release) ? ("release", "released") : ("discard", "discarded");
        var reason = arguments.GetValue(Reason);
        var request = new
        {
            place = arguments.GetRequiredValue(Place),
            group = arguments.GetValue(Group),
            ids = arguments.GetValue(Ids) is { Length: > 0 } ids ? ids : null,
            preview = reason is null,
            reason,
            perSecond = arguments.GetValue(PerSecond),
        };
        for (var total = 0L; ;)
        {
            var result = await client.PostAsync($"ops/parked/{verb}", request, cancellationToken);
            total += result.GetProperty("count").GetInt64();
            Show(arguments, result, reason is null ? $"would be {done}; give a --reason to do it" : done, total);
            if (result.GetProperty("isComplete").GetBoolean())
            {
                return 0;
            }
        }
    }

    private static void Show(ParseResult arguments, JsonElement result, string done, long total) =>
        Console.WriteLine(arguments.GetValue(OperationsOptions.Json) ? $"{result}" : $"{total:N0} {done}, {result.GetProperty("kept")} kept");
}
