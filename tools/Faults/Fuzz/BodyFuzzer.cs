using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Platform.Simulator.MagicHour;

namespace Platform.Faults.Fuzz;

/// <summary>Bodies similar to the sender's: its samples with a few changes in structure, values and bytes.</summary>
internal sealed class BodyFuzzer(IReadOnlyList<byte[]> samples, int seed)
{
    private const int MostChanges = 4;
    private const int MostByteChanges = 3;
    private const int SharedJobs = 5000;

    private static readonly JsonSerializerOptions AsJavaScript = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 512 };

    private static readonly string[] Names =
    [
        "type", "payload", "object", "id", "name", "status", "downloads", "url", "expires_at", "error", "message", "code", "credits_charged",
        "total_frame_cost", "created_at", "enabled", "width", "", "\ud83d\ude00", "\ud83d", "\0", "__proto__", new('k', 300),
    ];

    private static readonly string[] Texts =
    [
        "", "video.completed", "video.started", "audio.errored", "image.completed", "x", "\0", "half \ud83c", "\udf89 half", "\ud83c\udf89", "'; drop table jobs; --", "\r\n\r\n",
        "2026-11-23T12:00:00.000Z", "2026-02-30", "-0001-01-01", "9999-12-31T23:59:59.9999999Z", "https://h/f?auth-token=t", "http://[::1", "\u2028\u202e",
        new('t', 99), new('t', 101), new('t', 199), new('t', 201), new('t', 5000),
    ];

    private static readonly string[] Numbers = ["0", "-1", "1e400", "-1e-400", "9223372036854775807", "9223372036854775808", "0.1", "1E+2", "-0"];

    private readonly Random _random = new(seed);

    public byte[] Next()
    {
        var sample = samples[_random.Next(samples.Count)];
        var text = Mutate(sample) ?? Encoding.UTF8.GetString(sample);
        if (Happens(0.1))
        {
            text = DuplicateKey(text);
        }

        var bytes = Encoding.UTF8.GetBytes(text);
        return Happens(0.15) ? MutateBytes(bytes) : bytes;
    }

    private string? Mutate(byte[] sample)
    {
        JsonNode? root;
        try
        {
            root = JsonNode.Parse(sample);
        }
        catch (JsonException)
        {
            return null;
        }

        // Most events get a job of their own, so that they reach the tables; the others share a few jobs, as variants do.
        if ((root?["payload"] ?? root?["object"]) is JsonObject payload && payload.ContainsKey("id"))
        {
            payload["id"] = Happens(0.9) ? MagicHourEvent.NewJobId() : $"shared-{_random.Next(SharedJobs)}";
        }

        for (var changes = _random.Next(MostChanges + 1); changes > 0; changes--)
        {
            Change(root);
        }

        return root?.ToJsonString(AsJavaScript) ?? "null";
    }

    private void Change(JsonNode? root)
    {
        var places = Containers(root).ToArray();
        if (places.Length == 0)
        {
            return;
        }

        switch (places[_random.Next(places.Length)])
        {
            case JsonObject parent:
                Change(parent);
                break;
            case JsonArray { Count: > 0 } list when Happens(0.5):
                list.RemoveAt(_random.Next(list.Count));
                break;
            case JsonArray list:
                list.Add(Value());
                break;
        }
    }

    private void Change(JsonObject parent)
    {
        var name = parent.Count > 0 && Happens(0.8) ? parent.ElementAt(_random.Next(parent.Count)).Key : One(Names);
        if (Happens(0.3))
        {
            parent.Remove(name);
        }
        else if (Happens(0.2) && parent.ContainsKey(name))
        {
            var value = parent[name]?.DeepClone();
            parent.Remove(name);
            parent[One(Names)] = value;
        }
        else
        {
            parent[name] = Value();
        }
    }

    private JsonNode? Value() => _random.Next(8) switch
    {
        0 => null,
        1 => JsonValue.Create(Happens(0.5)),
        2 => JsonNode.Parse(One(Numbers)),
        3 => new JsonArray(),
        4 => new JsonObject { [One(Names)] = One(Texts) },
        5 => Nested(_random.Next(80)),
        _ => JsonValue.Create(One(Texts)),
    };

    private static JsonArray Nested(int depth) => depth == 0 ? [] : [Nested(depth - 1)];

    private static IEnumerable<JsonNode> Containers(JsonNode? node) => node switch
    {
        JsonObject parent => parent.SelectMany(member => Containers(member.Value)).Prepend(parent),
        JsonArray list => list.SelectMany(Containers).Prepend(list),
        _ => [],
    };

    private string DuplicateKey(string text)
    {
        var at = text.IndexOf('{', StringComparison.Ordinal);
        return at < 0 ? text : text.Insert(at + 1, string.Create(CultureInfo.InvariantCulture, $"\"{One(["type", "payload", "x"])}\":{One(Numbers)},"));
    }

    private byte[] MutateBytes(byte[] bytes)
    {
        var mutated = bytes.ToList();
        for (var changes = 1 + _random.Next(MostByteChanges); changes > 0 && mutated.Count > 0; changes--)
        {
            var at = _random.Next(mutated.Count);
            switch (_random.Next(4))
            {
                case 0:
                    mutated.RemoveRange(at, mutated.Count - at);
                    break;
                case 1:
                    mutated[at] ^= (byte)(1 << _random.Next(8));
                    break;
                case 2:
                    mutated.Insert(at, (byte)_random.Next(256));
                    break;
                default:
                    mutated.InsertRange(at, [0xED, 0xA0, 0x80]);
                    break;
            }
        }

        return [.. mutated];
    }

    private bool Happens(double share) => _random.NextDouble() < share;

    private T One<T>(T[] of) => of[_random.Next(of.Length)];
}
