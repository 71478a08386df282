using System.Text;
using System.Text.Json.Nodes;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Storms;

/// <summary>A kind of signed body that is not a usable event.</summary>
/// <param name="Edit">Edits the JSON body of an event.</param>
/// <param name="Spoil">Then edits its bytes.</param>
internal sealed record UnusableBody(string Reason, Expectation Expected, Action<JsonObject> Edit, Func<byte[], byte[]> Spoil)
{
    // One above the accepted maximum.
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
        // Inside a string, where a parser is most likely to miss it.
        new("not UTF-8", body => [.. body[..^2], 0xFF, .. body[^2..]]),
    ];

    /// <summary>The unusable body of an event; bodies of different jobs differ.</summary>
    public byte[] Render(MagicHourJob job)
    {
        var body = JsonNode.Parse(MagicHourEvent.Create($"{job.Resource}.completed", job).Body)!.AsObject();
        body["note"] = job.Id;
        Edit(body);
        return Spoil(Encoding.UTF8.GetBytes(body.ToJsonString()));
    }
}
