using System.Collections;
using System.Globalization;
using System.Text;
using MassTransit;
using Platform.Contracts;
using RabbitMQ.Client;

namespace Processor.Worker.Release;

/// <summary>What MassTransit and the broker have written onto a message since it was published: why it was parked, and when.</summary>
internal sealed class ParkedHeaders(IDictionary<string, object?>? headers)
{
    private const string BrokersPrefix = "x-";
    private const string DeathsHeader = "x-death";
    private const string ReturnsHeader = "x-delivery-count";
    private static readonly string[] ParkingPrefixes = [BrokersPrefix, "MT-Fault-", "MT-Host-", MessageHeaders.Reason];

    private readonly IDictionary<string, object?> _headers = headers ?? new Dictionary<string, object?>();

    /// <summary>How often the message was delivered where it is parked, and came back.</summary>
    public long Returns => long.TryParse(Text(ReturnsHeader), out var returns) ? returns : 0;

    public string Reason => this switch
    {
        _ when Text(MessageHeaders.FaultExceptionType) is { } exception => $"{exception}: {Text(MessageHeaders.FaultMessage)}",
        _ when Text("x-first-death-reason") is { } death => $"{death} in {Text("x-first-death-queue")}",
        _ => Text(MessageHeaders.Reason) ?? "no reason given",
    };

    public DateTimeOffset? ParkedAt =>
        DateTimeOffset.TryParse(Text(MessageHeaders.FaultTimestamp), CultureInfo.InvariantCulture, out var fault) ? fault : DeadSince;

    private DateTimeOffset? DeadSince =>
        _headers.TryGetValue(DeathsHeader, out var deaths) && deaths is IList and [IDictionary<string, object?> last, ..]
        && last.TryGetValue("time", out var time) && time is AmqpTimestamp seconds
            ? DateTimeOffset.FromUnixTimeSeconds(seconds.UnixTime)
            : null;

    /// <summary>The trace that it was parked in, in the form of the W3C's <c>traceparent</c>; null without a trace.</summary>
    public string? Trace => Text(Envelope.TraceHeader);

    /// <summary>As the message was published: the next worker must not count what befell it before.</summary>
    public Dictionary<string, object?> AsPublished() => Without(ParkingPrefixes);

    /// <summary>As the message is parked, but for what the broker counts.</summary>
    public Dictionary<string, object?> WithoutReturns() => Without(ReturnsHeader);

    private Dictionary<string, object?> Without(params string[] prefixes) => _headers
        .Where(header => !prefixes.Any(prefix => header.Key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
        .ToDictionary();

    private string? Text(string name) => _headers.TryGetValue(name, out var value)
        ? value is byte[] bytes ? Encoding.UTF8.GetString(bytes) : Convert.ToString(value, CultureInfo.InvariantCulture)
        : null;
}
