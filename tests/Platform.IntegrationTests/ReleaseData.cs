using System.Text.Json;
using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using RabbitMQ.Client;

namespace Platform.IntegrationTests;

/// <summary>
/// What a release left behind: a dump of its database, and the messages in its queues. In the folder <c>Upgrades</c>, one folder for each release, named by its tag.
/// </summary>
/// <param name="Tag">Such as <c>v1.0.0</c>.</param>
internal sealed record ReleaseData(string Tag)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string Parent => Path.Combine(Machine.Root, "tests", "Platform.IntegrationTests", "Upgrades");

    /// <summary>That of the last release.</summary>
    public static ReleaseData Last => new(Directory.GetDirectories(Parent).Select(folder => Path.GetFileName(folder)!).MaxBy(tag => Version.Parse(tag.TrimStart('v')))!);

    private string Folder => Path.Combine(Parent, Tag);

    private string Dump => Path.Combine(Folder, "database.sql");

    private string Queues => Path.Combine(Folder, "queues.jsonl");

    public IReadOnlyList<QueuedMessage> Messages => [.. File.ReadLines(Queues).Select(line => JsonSerializer.Deserialize<QueuedMessage>(line, Json)!)];

    /// <summary>Writes both files. It needs pg_dump of the same version as the server, or a later one, and takes all messages.</summary>
    public async Task SaveAsync(TestPlatform platform, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Folder);
        var database = new NpgsqlConnectionStringBuilder(platform.ConnectionString);
        var program = Path.Combine(PostgresServer.FindBinaries()!, "pg_dump");
        // As statements, which need no psql. Without keys of the console's cookies.
        string[] arguments =
        [
            $"PGPASSWORD={database.Password}", program, $"--host={database.Host}", $"--port={database.Port}", $"--username={database.Username}", $"--dbname={database.Database}",
            "--no-owner", "--no-privileges", "--rows-per-insert=100", "--exclude-table-data=data_protection_keys",
        ];
        var dump = (await Machine.RunAsync("env", arguments, cancellationToken)).ThrowIfFailed("pg_dump").Output;
        // Lines with a backslash are commands of psql.
        var lines = dump.Split('\n').Where(line => !line.StartsWith('\\') && !line.StartsWith("--", StringComparison.Ordinal) && line.Length > 0);
        await File.WriteAllTextAsync(Dump, string.Join('\n', lines) + "\n", cancellationToken);
        var messages = new List<QueuedMessage>();
        foreach (var queue in Topology.Queues.Keys)
        {
            await foreach (var message in platform.Broker.TakeAllAsync(queue, cancellationToken))
            {
                messages.Add(QueuedMessage.From(queue, message));
            }
        }

        await File.WriteAllLinesAsync(Queues, messages.Select(message => Anonymize(JsonSerializer.Serialize(message, Json))), cancellationToken);
    }

    /// <summary>Fills an empty database.</summary>
    public async Task RestoreAsync(string connectionString, CancellationToken cancellationToken)
    {
        // The dump changes settings of its session.
        await using var source = NpgsqlDataSource.Create(connectionString + ";Pooling=false");
        await using var command = source.CreateCommand(await File.ReadAllTextAsync(Dump, cancellationToken));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Puts the messages into their queues, which exist.</summary>
    public async Task PublishAsync(string rabbitMq, CancellationToken cancellationToken)
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(rabbitMq) }.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        foreach (var message in Messages)
        {
            await channel.BasicPublishAsync("", message.Queue, mandatory: true, message.ToProperties(), JsonSerializer.SerializeToUtf8Bytes(message.Body), cancellationToken);
        }
    }

    // The machine's name in reports and parked messages, and the paths of a stack trace.
    private static string Anonymize(string json) =>
        json.Replace($"\"{Environment.MachineName}\"", "\"machine\"", StringComparison.Ordinal).Replace(Machine.Root, "/source", StringComparison.Ordinal);
}

/// <summary>A message as it waits in a queue.</summary>
/// <param name="Headers">Texts and numbers.</param>
/// <param name="Body">JSON.</param>
internal sealed record QueuedMessage(
    string Queue, string? MessageId, string? ContentType, string? Type, long? Timestamp, IReadOnlyDictionary<string, JsonElement> Headers, JsonElement Body)
{
    // The broker's own.
    private const string DeliveryCount = "x-delivery-count";

    public static QueuedMessage From(string queue, BasicGetResult message)
    {
        var properties = message.BasicProperties;
        return new QueuedMessage(
            queue, properties.MessageId, properties.ContentType, properties.Type, properties.IsTimestampPresent() ? properties.Timestamp.UnixTime : null,
            (properties.Headers ?? new Dictionary<string, object?>()).Where(header => header.Key != DeliveryCount).ToDictionary(
                header => header.Key,
                header => JsonSerializer.SerializeToElement(header.Value is byte[] text ? System.Text.Encoding.UTF8.GetString(text) : header.Value)),
            JsonDocument.Parse(message.Body).RootElement);
    }

    /// <summary>The job of a <see cref="WebhookReceived"/>.</summary>
    public string? JobId => Body.GetProperty("message").TryGetProperty("jobId", out var job) ? job.GetString() : null;

    /// <param name="contract">The name of its type.</param>
    public bool Is(string contract) => Body.GetProperty("messageType")[0].GetString()!.EndsWith($":{contract}", StringComparison.Ordinal);

    public BasicProperties ToProperties()
    {
        var properties = new BasicProperties
        {
            MessageId = MessageId,
            ContentType = ContentType,
            Type = Type,
            Persistent = true,
            Headers = Headers.ToDictionary(header => header.Key, object? (header) => header.Value.ValueKind is JsonValueKind.Number ? header.Value.GetInt64() : header.Value.GetString()),
        };
        if (Timestamp is { } time)
        {
            properties.Timestamp = new AmqpTimestamp(time);
        }

        return properties;
    }
}
