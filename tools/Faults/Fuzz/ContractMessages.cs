using System.Text;
using Platform.ServiceDefaults.Logging;
using RabbitMQ.Client;

namespace Platform.Faults.Fuzz;

/// <summary>
/// Messages of every contract. Malformed ones: each property of message and envelope with each odd value once, bodies that are not an
/// envelope, and several random changes.
/// </summary>
public static class ContractMessages
{
    private const int MostChanges = 4;
    private const int LongText = 5000;
    private const int LargeContent = 5 * 1024 * 1024;
    private const string Missing = "";

    private static readonly string[] EnvelopeProperties =
    [
        "messageId", "requestId", "correlationId", "conversationId", "initiatorId", "sourceAddress", "destinationAddress", "responseAddress",
        "faultAddress", "expirationTime", "sentTime", "headers", "host", "\\ud83c",
    ];

    private static readonly string[] HeaderNames =
        ["x-delivery-count", "x-death", "x-first-death-reason", "Content-Type", "MessageId", "MT-Activity-Id", "MT-Fault-Timestamp", "MT-Fault-ExceptionType", "MT-Reason", "MT-Redelivery-Count"];

    private static readonly string[] ContentTypes =
        ["application/json", "application/vnd.masstransit+xml", "application/octet-stream", "text/plain", "!!", ";", " ", new('t', 200)];

    /// <summary>Well-formed messages as the services publish them, the given number for each contract.</summary>
    public static IReadOnlyList<ContractMessage> Whole(int count) =>
        [.. ContractDraft.Contracts.SelectMany(contract => Enumerable.Range(0, count).Select(_ => new ContractDraft(contract).Build("nothing")))];

    /// <param name="random">Number of messages with several random changes.</param>
    public static IReadOnlyList<ContractMessage> Malformed(int seed, int random)
    {
        var chance = new Random(seed);
        return
        [
            .. ContractDraft.Contracts.SelectMany(contract => OfContract(contract, chance)),
            .. Enumerable.Range(0, random).Select(_ => AtRandom(chance)),
        ];
    }

    private static IEnumerable<ContractMessage> OfContract(string contract, Random chance)
    {
        var values = OddValues(chance);
        return
        [
            .. Each(new ContractDraft(contract).Message.Keys, (name, value) => Build(contract, $"{name}: {Shorten(value)}", draft => Put(draft.Message, name, value))),
            .. Each(EnvelopeProperties, (name, value) => Build(contract, $"envelope {name}: {Shorten(value)}", draft => Put(draft.Envelope, name, value))),
            .. values.Where(value => value != Missing).Select(value => Build(contract, $"message {Shorten(value)}", draft => draft.MessageInstead = value)),
            .. HeaderNames.SelectMany(name => OddHeaders().Select(value =>
                Build(contract, $"header {name}: {value}", _ => { }) with { Headers = new Dictionary<string, object?> { [name] = value } })),
            .. ContentTypes.Select(type => new ContractDraft(contract).BuildAs($"content type {type}", type)),
            .. NoEnvelopes().Select(content => new ContractDraft(contract).Build($"content {Shorten(Encoding.UTF8.GetString(content))}", content)),
        ];

        IEnumerable<ContractMessage> Each(IEnumerable<string> names, Func<string, string, ContractMessage> build) =>
            names.SelectMany(name => values.Select(value => build(name, value)));
    }

    private static ContractMessage AtRandom(Random chance)
    {
        var values = OddValues(chance);
        var contract = One(ContractDraft.Contracts);
        var draft = new ContractDraft(contract);
        var changes = new List<string>();
        for (var i = 2 + chance.Next(MostChanges - 1); i > 0; i--)
        {
            var (part, name) = chance.Next(3) == 0 ? (draft.Envelope, One(EnvelopeProperties)) : (draft.Message, One([.. draft.Message.Keys]));
            var value = One(values);
            Put(part, name, value);
            changes.Add($"{name}: {Shorten(value)}");
        }

        return draft.Build(string.Join(", ", changes));

        T One<T>(T[] of) => of[chance.Next(of.Length)];
    }

    private static ContractMessage Build(string contract, string what, Action<ContractDraft> change)
    {
        var draft = new ContractDraft(contract);
        change(draft);
        return draft.Build(what);
    }

    private static void Put(Dictionary<string, string> part, string name, string value)
    {
        if (value == Missing)
        {
            part.Remove(name);
        }
        else
        {
            part[name] = value;
        }
    }

    /// <summary>Odd values as raw JSON.</summary>
    private static string[] OddValues(Random chance) =>
    [
        Missing, "null", "true", "0", "-1", "1e400", "9223372036854775808", "[]", "[null]", "{}", $"{new string('[', 200)}{new string(']', 200)}",
        "\"\"", "\" \"", "\"zz\"", $"\"{new string('x', LongText)}\"", $"\"{chance.GetString("abcdefghijklmnopqrstuvwxyz0123456789", LongText)}\"",
        "\"0001-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00+14:00\"", "\"9999-12-31T23:59:59.9999999Z\"", "\"9999-12-31T23:59:59.9999999-14:00\"", "\"2026-02-30\"",
        "\"\\u0000\"", "\"a\\u0000b\"", "\"\\ud83c\"", "\"\\udf89 half\"", "\"\u2028\"", $"\"{Guid.Empty}\"", $"\"{Guid.NewGuid()}\"",
        "\"http://[::1\"", "\"rabbitmq://127.0.0.1/nowhere\"", "\"exchange:broker-canary\"",
    ];

    private static object?[] OddHeaders() =>
    [
        null, "zz", new byte[] { 0xFF, 0 }, true, -1L, long.MaxValue, 0.5, new List<object?> { 1 }, new Dictionary<string, object?> { ["time"] = 1 },
        new List<object?> { new Dictionary<string, object?> { ["time"] = new AmqpTimestamp(long.MaxValue) } }, new AmqpTimestamp(long.MaxValue),
    ];

    private static byte[][] NoEnvelopes() =>
    [
        [], [.. "null"u8], [.. "1"u8], [.. "\"text\""u8], [.. "[]"u8], [.. "{}"u8], [.. "{"u8], [.. "<xml/>"u8], [0, 1, 2, 0xFF], [0xEF, 0xBB, 0xBF, .. "{}"u8],
        [.. "{\"message\":\""u8, 0xC3, 0x28, .. "\"}"u8],
        [.. "{\"messageType\":[\"urn:message:Platform.Contracts:WebhookReceived\"],\"message\":{\"eventType\":\""u8, 0xC3, 0x28, .. "\"}}"u8],
        [.. Enumerable.Repeat((byte)'x', LargeContent)],
        Encoding.UTF8.GetBytes($"{new string('[', LongText)}"),
    ];

    private static string Shorten(string value) => ShownText.OneLine(value.Length switch
    {
        0 => "missing",
        > 40 => $"{value[..40]}…",
        _ => value,
    });
}
