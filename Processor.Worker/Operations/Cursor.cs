using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Processor.Worker.Operations;

/// <summary>
/// The last row of a page: its time, and its key, because several rows may have the same time. Opaque to clients. Rows that are inserted
/// meanwhile are neither skipped nor repeated.
/// </summary>
internal sealed record Cursor(DateTimeOffset At, string Key)
{
    private const char Separator = ' ';

    public static bool TryParse(string text, [NotNullWhen(true)] out Cursor? cursor)
    {
        cursor = null;
        if (!Base64Url.IsValid(text))
        {
            return false;
        }

        var parts = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text)).Split(Separator, 2);
        if (parts.Length == 2 && long.TryParse(parts[0], CultureInfo.InvariantCulture, out var ticks)
            && ticks >= 0 && ticks <= DateTimeOffset.MaxValue.UtcTicks && !parts[1].Contains('\0', StringComparison.Ordinal))
        {
            cursor = new Cursor(new DateTimeOffset(ticks, TimeSpan.Zero), parts[1]);
        }

        return cursor is not null;
    }

    public override string ToString() =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{At.UtcTicks}{Separator}{Key}")));
}

/// <summary>One page of a list, newest first.</summary>
/// <param name="Next">The value of <c>cursor</c> for the next page; null when this is the last one.</param>
internal sealed record Page<T>(IReadOnlyList<T> Items, string? Next)
{
    /// <param name="rows">One more than <paramref name="limit"/>, if there are more.</param>
    /// <param name="cursor">The cursor behind an item.</param>
    public static Page<T> From(IReadOnlyList<T> rows, int limit, Func<T, Cursor> cursor) => rows.Count <= limit
        ? new Page<T>(rows, null)
        : new Page<T>([.. rows.Take(limit)], $"{cursor(rows[limit - 1])}");
}
