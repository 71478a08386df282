using System.Globalization;
using System.Text.Json;
using Platform.Contracts;

namespace Platform.Simulator.Verdicts;

/// <summary>
/// The state a job must have after its events, by a direct reading of the rules: <c>rendering</c> before <c>failed</c> before
/// <c>completed</c>; the highest status wins, lower ones only fill in missing fields, and the earliest of several bodies of one event
/// counts. Shares no code with the services it judges.
/// </summary>
internal static class JobFold
{
    private static readonly Dictionary<string, string> StatusOfAction = new()
    {
        ["started"] = "rendering",
        ["errored"] = "failed",
        ["completed"] = "completed",
    };

    private static readonly string[] Actions = [.. StatusOfAction.Keys];

    /// <summary>Whether events of this type change a job.</summary>
    public static bool Concerns(string eventType) =>
        eventType.Split('.') is [("video" or "image" or "audio"), var action] && StatusOfAction.ContainsKey(action);

    /// <param name="events">The events of one job that change it; one of each type.</param>
    public static JobState FromEvents(IEnumerable<PublishedEvent> events)
    {
        var greatestFirst = events.OrderByDescending(published => Array.IndexOf(Actions, published.Action)).ToArray();
        var payloads = greatestFirst.Select(published => Payload.Read(published.Bodies[0])).ToArray();
        var completed = greatestFirst.FirstOrDefault(published => published.Action == "completed");
        var downloads = completed is null ? null : LongestValid(completed.Bodies);
        var error = Array.FindIndex(greatestFirst, published => published.Action == "errored") is var at and >= 0 ? payloads[at].Error : default;
        return new JobState(
            greatestFirst[0].Type.Split('.')[0],
            StatusOfAction[greatestFirst[0].Action],
            First(payloads, payload => payload.ProjectType),
            First(payloads, payload => payload.Name),
            payloads.Select(payload => payload.CreditsCharged).FirstOrDefault(credits => credits is not null),
            downloads is [var first, ..] ? first.Url : null,
            downloads is null ? null : JobState.Print(downloads),
            error.Code,
            error.Message);
    }

    /// <summary>
    /// Every file of every body with its longest-valid URL, files of the earliest body first. The query of a URL is only a credential: a newly
    /// signed URL is the same file.
    /// </summary>
    private static (string Url, string? ExpiresAt)[] LongestValid(IEnumerable<byte[]> bodies) =>
    [
        .. bodies
            .SelectMany(body => Payload.Read(body).Downloads)
            .GroupBy(download => download.Url.Split('?')[0])
            .Select(file => file
                .OrderByDescending(download => Expiry(download.ExpiresAt))
                .ThenByDescending(download => download.Url, StringComparer.Ordinal)
                .First()),
    ];

    private static DateTimeOffset Expiry(string? text) =>
        text is null ? default : DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    private static string? First(Payload[] payloads, Func<Payload, string?> field) =>
        payloads.Select(field).FirstOrDefault(text => text is not null);

    /// <summary>The fields of a body that describe its job.</summary>
    private sealed record Payload(
        string? ProjectType,
        string? Name,
        long? CreditsCharged,
        (string? Code, string? Message) Error,
        (string Url, string? ExpiresAt)[] Downloads)
    {
        public static Payload Read(byte[] body)
        {
            using var document = JsonText.Parse(body);
            var payload = document.RootElement.GetProperty("payload");
            return new Payload(
                Text(payload, "type"),
                Text(payload, "name"),
                payload.TryGetProperty("credits_charged", out var credits) ? credits.GetInt64() : null,
                payload.TryGetProperty("error", out var error) && error.ValueKind is JsonValueKind.Object
                    ? (Text(error, "code"), Text(error, "message"))
                    : default,
                payload.TryGetProperty("downloads", out var downloads)
                    ? [.. downloads.EnumerateArray().Select(item => (Text(item, "url")!, Text(item, "expires_at")))]
                    : []);
        }

        private static string? Text(JsonElement parent, string name) =>
            parent.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? JsonText.Read(value) : null;
    }
}

/// <summary>One event of a job.</summary>
/// <param name="Bodies">Earliest first; at least one.</param>
internal sealed record PublishedEvent(string Type, IReadOnlyList<byte[]> Bodies)
{
    public string Action => Type.Split('.')[1];
}
