using System.Globalization;
using Microsoft.Extensions.Primitives;
using Processor.Worker.Events;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary>The values of a request, from its form or its query. A field that is left empty is not given.</summary>
internal static class Given
{
    private const string AntiforgeryField = "__RequestVerificationToken";

    public static IQueryCollection Read(HttpRequest request, params string[] ignored)
    {
        // The guard has read it, within the size limit.
        IEnumerable<KeyValuePair<string, StringValues>> all = request.HasFormContentType ? request.Form : request.Query;
        return new QueryCollection(all
            .Where(one => one.Key != AntiforgeryField && !ignored.Contains(one.Key) && one.Value is not [""])
            .ToDictionary(StringComparer.OrdinalIgnoreCase));
    }

    public static ParkedRequest Parked(HttpRequest request, bool preview)
    {
        var given = Read(request);
        return new ParkedRequest(
            given["place"].ToString(),
            given["group"] is [{ } group] ? group : null,
            given["id"] is [{ } id] ? [id] : null,
            preview,
            given["reason"].ToString(),
            Number(given, "perSecond", 500));
    }

    /// <param name="errors">What is wrong with the filter.</param>
    public static ReplayRequest Replay(HttpRequest request, bool preview, out IReadOnlyDictionary<string, string[]> errors)
    {
        var query = new ListQuery(Read(request, "what", "identity", "reason", "perSecond", "preview"));
        var filter = EventEndpoints.ReadFilter(query);
        errors = query.FindErrors();
        var given = Read(request);
        return new ReplayRequest(
            filter,
            given["what"] is [{ } what] ? what.Split(' ') : null,
            preview,
            given["reason"].ToString(),
            Number(given, "perSecond", 100),
            given["identity"] is [{ } identity] ? identity : ReplayRequest.SameIds);
    }

    /// <summary>The filter of a replay as the values of a form.</summary>
    public static IEnumerable<(string Name, string? Value)> Fields(EventFilter filter) =>
    [
        ("type", filter.Type),
        ("job", filter.Job),
        ("from", filter.From?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)),
        ("to", filter.To?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)),
        ("late", filter.Late is { } late ? late ? "true" : "false" : null),
        ("origin", filter.Origin),
        ("trace", filter.Trace),
    ];

    // The request rejects 0 by name.
    private static int Number(IQueryCollection given, string name, int ifMissing) =>
        given[name] is not [{ } text] ? ifMissing : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
