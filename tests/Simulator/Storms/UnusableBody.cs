using System.Text;
using System.Text.Json.Nodes;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Storms;

/// <summary>A way in which a signed body is not a usable event.</summary>
/// <param name="Edit">What is done to the body of an event.</param>
/// <param name="Spoil">What is then done to its bytes.</param>
internal sealed record UnusableBody(string Reason, Expectation Expected, Action<JsonObject> Edit, Func<byte[], byte[]> Spoil)
{
    // One more than is accepted.
    private const int IdLength = 201;
    private const int TypeLength = 101;

    private UnusableBody(string reason, Action<JsonObject> edit)
        : this(reason, Expectation.Quarantined, edit, body => body)
    {
    }

    private UnusableBody(string reason, Func<byte[], byte[]> spoil)
        : this(reason, Expectation.QuarantinedWith400, _ => { }, spoil)
    {
    }

    public static UnusableBody[] All { get; } =
    [
        new("no payload", body => body.Remove("payload")),
        new("no id", body => body["payload"]!.AsObject().Remove("id")),
        new("empty id", body => body["payload"]!["id"] = ""),
        new("long id", body => body["payload"]!["id"] = new string('x', IdLength)),
        new("long type", body => body["type"] = new string('x', TypeLength)),
        new("no type", Expectation.QuarantinedWith400, body => body.Remove("type"), body => body),
        new("not an object", body => [(byte)'[', .. body, (byte)']']),
        new("cut off", body => body[..^7]),
        new("a key twice", body => [.. body[..^1], .. ",\"type\":\"video.errored\"}"u8]),
        // Within a string, where parsers look last.
        new("not UTF-8", body => [.. body[..^2], 0xFF, .. body[^2..]]),
    ];

    /// <summary>The body of an event about a job, made unusable; no two of different jobs are the same.</summary>
    public byte[] Of(MagicHourJob job)
    {
        var body = JsonNode.Parse(MagicHourEvent.Create($"{job.Resource}.completed", job).Body)!.AsObject();
        body["note"] = job.Id;
        Edit(body);
        return Spoil(Encoding.UTF8.GetBytes(body.ToJsonString()));
    }
}
