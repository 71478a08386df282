using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Platform.ServiceDefaults.Logging;

/// <summary>
/// Formats a log record as a one-line JSON object with its trace and span, for containers. The property names are those of .NET's own
/// formatter, which includes the trace only through scopes, at several times the size. The line goes to <see cref="OutputBuffer"/>, and the
/// console's own writer receives nothing: its queue and its thread are not used, and their settings have no effect.
/// </summary>
internal sealed class JsonLine(OutputBuffer output, TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "json-line";

    // One for each thread, as the console does with its writers: the logging thread formats the line.
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _buffer;

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var buffer = _buffer ??= new ArrayBufferWriter<byte>(1024);
        buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("Timestamp"u8, time.GetUtcNow());
            json.WriteString("LogLevel"u8, logEntry.LogLevel.ToString());
            json.WriteString("Category"u8, logEntry.Category);
            json.WriteString("Event"u8, logEntry.EventId.Name);
            json.WriteString("Message"u8, ShownText.Shorten(logEntry.Formatter(logEntry.State, logEntry.Exception), ShownText.MaxMessageLength));
            WriteTrace(json, Activity.Current);
            WriteException(json, logEntry.Exception);
            WriteState(json, logEntry.State as IReadOnlyList<KeyValuePair<string, object?>> ?? []);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        output.Add(buffer.WrittenSpan);
    }

    private static void WriteTrace(Utf8JsonWriter json, Activity? span)
    {
        if (span is not null)
        {
            json.WriteString("TraceId"u8, span.TraceId.ToHexString());
            json.WriteString("SpanId"u8, span.SpanId.ToHexString());
        }
    }

    private static void WriteException(Utf8JsonWriter json, Exception? exception)
    {
        if (exception is not null)
        {
            json.WriteString("Exception"u8, ShownText.Describe(exception));
        }
    }

    private static void WriteState(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, object?>> state)
    {
        json.WriteStartObject("State"u8);
        for (var i = 0; i < state.Count; i++)
        {
            // The message already contains it.
            if (state[i].Key != "{OriginalFormat}")
            {
                json.WritePropertyName(state[i].Key);
                WriteValue(json, state[i].Value);
            }
        }

        json.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case DateTimeOffset moment:
                json.WriteStringValue(moment);
                break;
            default:
                json.WriteStringValue(ShownText.Shorten(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "", ShownText.MaxMessageLength));
                break;
        }
    }
}
