using System.Text.Json;
using Platform.ServiceDefaults.Logging;

namespace Operations.Cli;

/// <summary>Writes JSON objects as a table: a column for each member that is asked for, as wide as its longest value.</summary>
internal static class TextTable
{
    private const int MaxWidth = 60;

    public static void Write(TextWriter output, IReadOnlyList<JsonElement> rows, params string[] columns)
    {
        string[][] cells = [columns, .. rows.Select(row => columns.Select(column => Cell(row, column)).ToArray())];
        var widths = columns.Select((_, column) => cells.Max(row => row[column].Length)).ToArray();
        foreach (var row in cells)
        {
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }
    }

    /// <summary>A member as text for people; a hyphen when it is missing.</summary>
    public static string Cell(JsonElement row, string column)
    {
        if (!row.TryGetProperty(column, out var value) || value.ValueKind is JsonValueKind.Null)
        {
            return "-";
        }

        // Third-party text must not move the cursor.
        var text = value.ValueKind switch
        {
            JsonValueKind.String when value.TryGetDateTimeOffset(out var time) => $"{time.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}",
            JsonValueKind.String => ShownText.WithoutControls(value.GetString()!),
            _ => value.GetRawText(),
        };
        return text.Length > MaxWidth ? $"{text[..(MaxWidth - 1)]}…" : text;
    }
}
