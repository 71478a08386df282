using System.Diagnostics;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>Limits the text of a span, some of which comes from outside, and estimates its memory.</summary>
internal static class SpanBounds
{
    // Estimated sizes: an activity with its ids; a tag, event or link with its surrounding objects; a string without its characters.
    private const int SpanBytes = 768;
    private const int EntryBytes = 96;
    private const int StringBytes = 24;

    /// <summary>
    /// Shortens each text of a span that has ended. The exporter would do so too, but only after the span has waited in the queue with all
    /// of its text in memory.
    /// </summary>
    /// <param name="maxLength">In characters.</param>
    public static void Shorten(Activity span, int maxLength)
    {
        List<KeyValuePair<string, object?>>? shorter = null;
        foreach (ref readonly var tag in span.EnumerateTagObjects())
        {
            if (tag.Value is string text && text.Length > maxLength)
            {
                (shorter ??= []).Add(new(tag.Key, text[..maxLength]));
            }
        }

        shorter?.ForEach(tag => span.SetTag(tag.Key, tag.Value));
        if (span.StatusDescription?.Length > maxLength)
        {
            span.SetStatus(span.Status, span.StatusDescription[..maxLength]);
        }

        if (span.TraceStateString is not null)
        {
            span.TraceStateString = null;
        }
    }

    /// <summary>Estimates the bytes that a span keeps in memory, with its texts, events and links.</summary>
    public static long MeasureBytes(Activity span)
    {
        var bytes = SpanBytes + BytesOf(span.DisplayName) + BytesOf(span.StatusDescription);
        foreach (ref readonly var tag in span.EnumerateTagObjects())
        {
            bytes += BytesOf(tag);
        }

        foreach (ref readonly var one in span.EnumerateEvents())
        {
            bytes += EntryBytes;
            foreach (ref readonly var tag in one.EnumerateTagObjects())
            {
                bytes += BytesOf(tag);
            }
        }

        foreach (ref readonly var link in span.EnumerateLinks())
        {
            bytes += EntryBytes + BytesOf(link.Context.TraceState);
        }

        return bytes;
    }

    private static long BytesOf(in KeyValuePair<string, object?> tag) => EntryBytes + tag.Value switch
    {
        string text => BytesOf(text),
        IEnumerable<string> texts => texts.Sum(BytesOf),
        _ => 0,
    };

    private static long BytesOf(string? text) => text is null ? 0 : StringBytes + 2L * text.Length;
}
