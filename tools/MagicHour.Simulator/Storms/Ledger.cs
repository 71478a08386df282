using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Platform.Simulator.Storms;

/// <summary>The planned events of a storm and the outcome of every attempt: everything the sender can know.</summary>
public sealed class Ledger(StormSettings settings, string jobIdPrefix, IReadOnlyList<StormEvent> events)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly ConcurrentQueue<Attempt> _attempts = [];

    public StormSettings Settings => settings;

    /// <summary><inheritdoc cref="StormPlan.JobIdPrefix" path="/node()"/></summary>
    public string JobIdPrefix => jobIdPrefix;

    public IReadOnlyList<StormEvent> Events => events;

    /// <summary>All attempts, in the order in which they ended.</summary>
    public IReadOnlyCollection<Attempt> Attempts => _attempts;

    public void Record(Attempt attempt) => _attempts.Enqueue(attempt);

    /// <summary>Writes the ledger as JSON lines: the storm, its events, its attempts.</summary>
    public async Task WriteAsync(string file, CancellationToken cancellationToken)
    {
        await using var writer = File.CreateText(file);
        await WriteLineAsync(new Line { Storm = new Header(settings, jobIdPrefix) });
        foreach (var webhook in events)
        {
            await WriteLineAsync(new Line { Event = webhook });
        }

        foreach (var attempt in _attempts)
        {
            await WriteLineAsync(new Line { Attempt = attempt });
        }

        Task WriteLineAsync(Line line) => writer.WriteLineAsync(JsonSerializer.Serialize(line, Json).AsMemory(), cancellationToken);
    }

    /// <summary>Reads a file that <see cref="WriteAsync"/> wrote.</summary>
    public static async Task<Ledger> ReadAsync(string file, CancellationToken cancellationToken)
    {
        Header? header = null;
        var events = new List<StormEvent>();
        var attempts = new List<Attempt>();
        await foreach (var text in File.ReadLinesAsync(file, cancellationToken))
        {
            switch (JsonSerializer.Deserialize<Line>(text, Json))
            {
                case { Storm: { } storm }:
                    header = storm;
                    break;
                case { Event: { } webhook }:
                    events.Add(webhook);
                    break;
                case { Attempt: { } attempt }:
                    attempts.Add(attempt);
                    break;
            }
        }

        var ledger = new Ledger(header?.Settings ?? throw new JsonException($"{file} is not a ledger."), header.JobIdPrefix, events);
        attempts.ForEach(ledger.Record);
        return ledger;
    }

    private sealed record Header(StormSettings Settings, string JobIdPrefix);

    /// <summary>One line of the file; exactly one of the properties is set.</summary>
    private sealed record Line
    {
        public Header? Storm { get; init; }

        public StormEvent? Event { get; init; }

        public Attempt? Attempt { get; init; }
    }
}

/// <summary>One request.</summary>
public sealed record Attempt
{
    /// <summary>Index in <see cref="StormPlan.Deliveries"/>.</summary>
    public required int Delivery { get; init; }

    /// <summary>Index in <see cref="Ledger.Events"/>.</summary>
    public required int Event { get; init; }

    /// <summary>Index in <see cref="StormEvent.Bodies"/>.</summary>
    public required int Body { get; init; }

    public required int Endpoint { get; init; }

    public required DateTimeOffset At { get; init; }

    public required DateTimeOffset SignedAt { get; init; }

    public required TimeSpan Duration { get; init; }

    /// <summary>The status of the answer. Null when none arrived in time: the request may have had an effect regardless.</summary>
    public int? Status { get; init; }

    /// <summary>The request may have had an effect: only a refusal rules that out.</summary>
    [JsonIgnore]
    public bool MayHaveHappened => Status is null or < 300 or >= 500;
}
