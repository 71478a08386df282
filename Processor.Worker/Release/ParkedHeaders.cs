using System.Collections;
using System.Globalization;
using System.Text;
using MassTransit;
using Platform.Contracts;
using Processor.Worker.Jobs;
using RabbitMQ.Client;

namespace Processor.Worker.Release;

/// <summary>Headers that MassTransit and the broker added after publishing: why and when the message was parked.</summary>
internal sealed class ParkedHeaders(IDictionary<string, object?>? headers)
{
    private const string BrokersPrefix = "x-";
    private const string DeathsHeader = "x-death";
    private const string ReturnsHeader = "x-delivery-count";
    // The range of DateTimeOffset: years 1 to 9999.
    private const long FirstSecond = -62_135_596_800;
    private const long LastSecond = 253_402_300_799;
    private static readonly string[] ParkingPrefixes = [BrokersPrefix, "MT-Fault-", "MT-Host-", MessageHeaders.Reason];

    private readonly IDictionary<string, object?> _headers = headers ?? new Dictionary<string, object?>();

    /// <summary>How often the message was returned to the queue that it is parked in.</summary>
    public long Returns => long.TryParse(Text(ReturnsHeader), CultureInfo.InvariantCulture, out var returns) ? returns : 0;

    public string Reason => this switch
    {
        _ when Text(MessageHeaders.FaultExceptionType) is { } exception => $"{exception}: {Text(MessageHeaders.FaultMessage)}",
        _ when Text("x-first-death-reason") is { } death => $"{death} in {Text("x-first-death-queue")}",
        _ => Text(MessageHeaders.Reason) ?? "no reason given",
    };

    public DateTimeOffset? ParkedAt => JobPayload.ReadTime(Text(MessageHeaders.FaultTimestamp)) ?? DeadSince;

    private DateTimeOffset? DeadSince =>
        _headers.TryGetValue(DeathsHeader, out var deaths) && deaths is IList and [IDictionary<string, object?> last, ..]
        && last.TryGetValue("time", out var time) && time is AmqpTimestamp { UnixTime: >= FirstSecond and <= LastSecond } seconds
            ? DateTimeOffset.FromUnixTimeSeconds(seconds.UnixTime)
            : null;

    /// <summary>The trace in which it was parked, as a W3C <c>traceparent</c>; null without a trace.</summary>
    public string? Trace => Text(Envelope.TraceHeader);

    /// <summary>The headers as published: the next worker must not count earlier failures.</summary>
    public Dictionary<string, object?> AsPublished() => Without(ParkingPrefixes);

    /// <summary>The current headers without the broker's delivery count.</summary>
    public Dictionary<string, object?> WithoutReturns() => Without(ReturnsHeader);

    private Dictionary<string, object?> Without(params string[] prefixes) => _headers
        .Where(header => !prefixes.Any(prefix => header.Key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
        .ToDictionary();

    private string? Text(string name) => _headers.TryGetValue(name, out var value)
        ? value is byte[] bytes ? Encoding.UTF8.GetString(bytes) : Convert.ToString(value, CultureInfo.InvariantCulture)
        : null;
}
