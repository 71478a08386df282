using System.Globalization;

namespace Processor.Worker.Operations;

/// <summary>
/// The query of a request for a list. The filters of a list are a closed set: a misspelt one would otherwise widen what is shown or acted on.
/// </summary>
internal sealed class ListQuery(IQueryCollection query)
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 200;

    private const int MaxLength = 1000;

    private readonly HashSet<string> _known = ["cursor", "limit"];
    private readonly Dictionary<string, string[]> _errors = [];

    /// <summary>Text of 1 to 1000 characters; null when it is not given.</summary>
    public string? Text(string name)
    {
        var text = Read(name);
        if (text is not null && (text.Length is 0 or > MaxLength || text.Contains('\0')))
        {
            Fail(name, $"must have 1 to {MaxLength} characters, without NUL.");
        }

        return text;
    }

    /// <summary>One of the given words; null when it is not given.</summary>
    public string? OneOf(string name, params string[] words)
    {
        var text = Read(name);
        if (text is not null && !words.Contains(text))
        {
            Fail(name, $"must be one of {string.Join(", ", words)}.");
        }

        return text;
    }

    public bool? Flag(string name) => OneOf(name, "true", "false") is { } text ? text == "true" : null;

    /// <summary>A time in ISO 8601; without an offset, in UTC.</summary>
    public DateTimeOffset? Time(string name)
    {
        if (Read(name) is not { } text)
        {
            return null;
        }

        // Beyond these years, a margin that is added to the time or subtracted from it would overflow.
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) && time.UtcDateTime.Year is > 1900 and < 9000)
        {
            return time;
        }

        Fail(name, "must be a time such as 2026-11-29T12:00:00Z.");
        return null;
    }

    /// <summary>Rows of a page: 1 to 200, by default 50.</summary>
    public int Limit()
    {
        if (Read("limit") is not { } text)
        {
            return DefaultLimit;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= MaxLimit)
        {
            return limit;
        }

        Fail("limit", $"must be a number from 1 to {MaxLimit}.");
        return DefaultLimit;
    }

    /// <summary>Where the page starts; null for the first.</summary>
    public Cursor? Cursor() => Cursor(_ => true);

    /// <inheritdoc cref="Cursor()"/>
    /// <param name="isKey">True for the key of a row of this list.</param>
    public Cursor? Cursor(Func<string, bool> isKey)
    {
        if (Read("cursor") is not { } text)
        {
            return null;
        }

        if (Operations.Cursor.TryParse(text, out var cursor) && isKey(cursor.Key))
        {
            return cursor;
        }

        Fail("cursor", "must be the value of next of an earlier page of the same list.");
        return null;
    }

    /// <summary>What is wrong with the query, by name. Call it after all filters are read.</summary>
    public Dictionary<string, string[]> FindErrors()
    {
        foreach (var name in query.Keys.Where(name => !_known.Contains(name)))
        {
            Fail(name, $"is not a filter of this list, which are: {string.Join(", ", _known.Order())}.");
        }

        return _errors;
    }

    private string? Read(string name)
    {
        _known.Add(name);
        if (query[name] is { Count: > 1 })
        {
            Fail(name, "is given more than once.");
        }

        return query[name] is [{ } text, ..] ? text : null;
    }

    private void Fail(string name, string error) => _errors.TryAdd(name, [error]);
}
