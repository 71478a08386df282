using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Platform.ServiceDefaults.Logging;

namespace ServiceDefaults.Tests;

/// <summary>The lines of the console.</summary>
public sealed class LoggingTests
{
    private static readonly FakeTimeProvider Time = new(new DateTimeOffset(2026, 11, 24, 10, 11, 12, 345, TimeSpan.Zero));

    [Fact]
    public void Text_is_a_line_with_its_trace()
    {
        using var span = new Activity("span").Start();

        Assert.Equal(
            $"10:11:12.345 warn Place: Parked 3 of cm\uFFFD\uFFFDforged: line [trace {span.TraceId} span {span.SpanId}]{Environment.NewLine}",
            Write(new TextLine(Time), "cm\r\nforged: line", exception: null));
    }

    [Fact]
    public void Text_without_a_trace_says_nothing_of_one_and_an_exception_follows() =>
        Assert.Equal(
            $"10:11:12.345 warn Place: Parked 3 of cm1{Environment.NewLine}    System.InvalidOperationException: why{Environment.NewLine}",
            Write(new TextLine(Time), "cm1", new InvalidOperationException("why")));

    [Fact]
    public void What_others_choose_forges_no_record_and_has_no_end_in_an_exception_either()
    {
        var lines = Write(new TextLine(Time), "cm1", new InvalidOperationException($"550 no\r\n10:11:12.345 info Place: forged\u2028\u0007{new string('x', 100_000)}"))
            .Split(Environment.NewLine);

        Assert.InRange(lines.Sum(line => line.Length), 16_000, 17_000);
        Assert.All(lines[1..^1], line => Assert.StartsWith("    ", line, StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Any(character => char.IsControl(character) || character is '\u2028'));
    }

    [Fact]
    public void A_message_has_a_greatest_length()
    {
        var text = Write(new TextLine(Time), new string('x', 100_000), exception: null);
        using var json = JsonDocument.Parse(WriteJson(new string('x', 100_000), new InvalidOperationException(new string('y', 100_000))));

        Assert.InRange(text.Length, 4_096, 4_200);
        Assert.Equal(4_096, json.RootElement.GetProperty("Message").GetString()!.Length);
        Assert.Equal(4_096, json.RootElement.GetProperty("State").GetProperty("JobId").GetString()!.Length);
        Assert.Equal(16_384, json.RootElement.GetProperty("Exception").GetString()!.Length);
    }

    [Fact]
    public void Json_is_one_line_with_its_trace_its_fields_and_its_exception()
    {
        using var span = new Activity("span").Start();

        var line = WriteJson("cm\r\nforged: line", new InvalidOperationException("why"));

        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        using var json = JsonDocument.Parse(line);
        Assert.Equal(
            $$$"""
            {"Timestamp":"2026-11-24T10:11:12.345+00:00","LogLevel":"Warning","Category":"The.Place","Event":"LogParked",
            "Message":"Parked 3 of cm\r\nforged: line","TraceId":"{{{span.TraceId}}}","SpanId":"{{{span.SpanId}}}",
            "Exception":"System.InvalidOperationException: why",
            "State":{"Number":3,"JobId":"cm\r\nforged: line","Late":true,"Took":1.5,"Gone":null,"SentAt":"2026-11-24T10:11:12.345+00:00","Level":"Warning"}}
            """.ReplaceLineEndings(""),
            json.RootElement.GetRawText());
    }

    [Fact]
    public void Json_without_a_trace_says_nothing_of_one()
    {
        using var json = JsonDocument.Parse(WriteJson("cm1", exception: null));

        Assert.False(json.RootElement.TryGetProperty("TraceId", out _));
        Assert.False(json.RootElement.TryGetProperty("Exception", out _));
    }

    [Theory]
    [InlineData("text")]
    [InlineData("json-line")]
    public async Task The_format_is_the_one_of_the_settings(string format)
    {
        var builder = WebApplication.CreateSlimBuilder([$"--Logging:Console:FormatterName={format}"]);
        builder.Services.AddSingleton<TimeProvider>(Time);
        builder.AddConsoleLines();
        await using var app = builder.Build();

        Assert.Equal(format, app.Services.GetRequiredService<IOptionsMonitor<ConsoleLoggerOptions>>().CurrentValue.FormatterName);
    }

    private static string WriteJson(string jobId, Exception? exception)
    {
        using var output = new MemoryStream();
        using (var buffer = new OutputBuffer(output, Timeout.InfiniteTimeSpan))
        {
            Assert.Empty(Write(new JsonLine(buffer, Time), jobId, exception));
        }

        return Encoding.UTF8.GetString(output.ToArray());
    }

    private static string Write(ConsoleFormatter formatter, string jobId, Exception? exception)
    {
        using var line = new StringWriter(CultureInfo.InvariantCulture);
        List<KeyValuePair<string, object?>> state =
        [
            new("Number", 3), new("JobId", jobId), new("Late", true), new("Took", 1.5), new("Gone", null), new("SentAt", Time.GetUtcNow()),
            new("Level", LogLevel.Warning), new("{OriginalFormat}", "Parked {Number} of {JobId}"),
        ];
        var entry = new LogEntry<IReadOnlyList<KeyValuePair<string, object?>>>(
            LogLevel.Warning, "The.Place", new EventId(7, "LogParked"), state, exception, (fields, _) => $"Parked {fields[0].Value} of {fields[1].Value}");
        formatter.Write(entry, scopeProvider: null, line);
        return line.ToString();
    }
}
