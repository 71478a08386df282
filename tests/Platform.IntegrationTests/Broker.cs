using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Platform.Contracts;
using Platform.DevStack;
using Processor.Worker.Release;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Platform.IntegrationTests;

/// <summary>Inspects and changes the broker through its own client.</summary>
public sealed class Broker : IAsyncDisposable
{
    // What is published has reached its queue when the call returns.
    private static readonly CreateChannelOptions Confirmed = new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);

    private static readonly string[] DomainEvents = [nameof(JobStarted), nameof(JobCompleted), nameof(JobFailed), nameof(JobCanceled)];

    private readonly IConnection _connection;
    private IChannel _channel;

    private Broker(IConnection connection, IChannel channel) => (_connection, _channel) = (connection, channel);

    public static async Task<Broker> ConnectAsync(string uri, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory { Uri = new Uri(uri), NetworkRecoveryInterval = TimeSpan.FromMilliseconds(200) };
        var connection = await factory.CreateConnectionAsync(cancellationToken);
        return new Broker(connection, await connection.CreateChannelAsync(Confirmed, cancellationToken));
    }

    /// <summary>Deletes queues and exchanges with their contents, as if <c>migrate</c> had never run.</summary>
    public async Task ResetAsync(CancellationToken cancellationToken)
    {
        var channel = await GetChannelAsync(cancellationToken);
        foreach (var queue in Topology.Queues.Keys)
        {
            await channel.QueueDeleteAsync(queue, cancellationToken: cancellationToken);
            await channel.ExchangeDeleteAsync(queue, cancellationToken: cancellationToken);
        }

        foreach (var exchange in DomainEvents.Append(nameof(WebhookReceived)).Append(nameof(WebhookQuarantined)).Append(nameof(RegisterJob)))
        {
            await channel.ExchangeDeleteAsync($"Platform.Contracts:{exchange}", cancellationToken: cancellationToken);
        }

        await channel.ExchangeDeleteAsync(Topology.CanaryExchange, cancellationToken: cancellationToken);
    }

    /// <summary>The number of messages ready in a queue.</summary>
    public async Task<uint> CountAsync(string queue, CancellationToken cancellationToken) =>
        (await (await GetChannelAsync(cancellationToken)).QueueDeclarePassiveAsync(queue, cancellationToken)).MessageCount;

    public async Task<uint> CountConsumersAsync(string queue, CancellationToken cancellationToken) =>
        (await (await GetChannelAsync(cancellationToken)).QueueDeclarePassiveAsync(queue, cancellationToken)).ConsumerCount;

    public async Task<bool> ExistsAsync(string queue, CancellationToken cancellationToken)
    {
        try
        {
            await CountAsync(queue, cancellationToken);
            return true;
        }
        catch (OperationInterruptedException)
        {
            _channel = await _connection.CreateChannelAsync(Confirmed, cancellationToken);
            return false;
        }
    }

    /// <summary>Replaces a queue with one that has none of the platform's arguments, and optionally others.</summary>
    public async Task ReplaceQueueAsync(string queue, Dictionary<string, object?>? arguments, CancellationToken cancellationToken)
    {
        var channel = await GetChannelAsync(cancellationToken);
        await channel.QueueDeleteAsync(queue, cancellationToken: cancellationToken);
        await channel.QueueDeclareAsync(
            queue, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: cancellationToken);
    }

    public async Task DeleteExchangeAsync(string exchange, CancellationToken cancellationToken) =>
        await (await GetChannelAsync(cancellationToken)).ExchangeDeleteAsync(exchange, cancellationToken: cancellationToken);

    public async Task DeleteAsync(string queue, CancellationToken cancellationToken) =>
        await (await GetChannelAsync(cancellationToken)).QueueDeleteAsync(queue, cancellationToken: cancellationToken);

    public async Task PurgeAsync(string queue, CancellationToken cancellationToken) =>
        await (await GetChannelAsync(cancellationToken)).QueuePurgeAsync(queue, cancellationToken);

    /// <summary>Keeps the queue but removes its binding: no queue accepts messages published from now on.</summary>
    public async Task UnbindAsync(string queue, CancellationToken cancellationToken) =>
        await (await GetChannelAsync(cancellationToken)).QueueUnbindAsync(queue, exchange: queue, routingKey: "", cancellationToken: cancellationToken);

    /// <summary>Restores the queue's binding.</summary>
    public async Task BindAsync(string queue, CancellationToken cancellationToken) =>
        await (await GetChannelAsync(cancellationToken)).QueueBindAsync(queue, exchange: queue, routingKey: "", cancellationToken: cancellationToken);

    /// <summary>Publishes a contract, as another service would.</summary>
    /// <param name="userId">The property <c>user-id</c>: null, or the user of this connection, or the broker closes the channel.</param>
    public async Task PublishAsync<T>(T message, CancellationToken cancellationToken, string? userId = null)
        where T : class
    {
        var channel = await GetChannelAsync(cancellationToken);
        var envelope = Envelope.Create(Guid.NewGuid(), typeof(T).Name, JsonSerializer.SerializeToUtf8Bytes(message, JsonSerializerOptions.Web), DateTimeOffset.UnixEpoch);
        var properties = new BasicProperties { MessageId = $"{envelope.MessageId}", ContentType = Envelope.ContentType, Persistent = true, UserId = userId };
        await channel.BasicPublishAsync(envelope.Exchange, "", mandatory: true, properties, envelope.Content, cancellationToken);
    }

    /// <summary>Takes one message from a queue.</summary>
    public Task<BasicGetResult> TakeAsync(string queue, CancellationToken cancellationToken) => GetAsync(queue, autoAck: true, cancellationToken);

    /// <summary>Takes all messages from a queue.</summary>
    public async IAsyncEnumerable<BasicGetResult> TakeAllAsync(string queue, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var channel = await GetChannelAsync(cancellationToken);
        while (await channel.BasicGetAsync(queue, autoAck: true, cancellationToken) is { } message)
        {
            yield return message;
        }
    }

    /// <summary>Takes all messages from a queue, and counts them without the reports of an ingress.</summary>
    public async Task<int> TakeEventsAsync(string queue, CancellationToken cancellationToken)
    {
        var events = 0;
        await foreach (var message in TakeAllAsync(queue, cancellationToken))
        {
            events += message.Body.Span.IndexOf(Encoding.UTF8.GetBytes(nameof(PublishesConfirmed))) < 0 ? 1 : 0;
        }

        return events;
    }

    /// <summary>Takes all messages from a queue, and says of each what it is, why it was parked, and how often it was returned.</summary>
    public async Task<string> DescribeAsync(string queue, CancellationToken cancellationToken)
    {
        var lines = new StringBuilder();
        await foreach (var message in TakeAllAsync(queue, cancellationToken))
        {
            var headers = new ParkedHeaders(message.BasicProperties.Headers);
            lines.Append('\n').Append(CultureInfo.InvariantCulture, $"{message.BasicProperties.MessageId}, returned {headers.Returns} times, {headers.Reason}: ")
                .Append(Encoding.UTF8.GetString(message.Body.Span));
        }

        return $"{queue} has{lines}";
    }

    /// <summary>Puts a message that was taken back into a queue, unchanged.</summary>
    public async Task PutAsync(string queue, BasicGetResult message, CancellationToken cancellationToken) =>
        await (await GetChannelAsync(cancellationToken)).BasicPublishAsync("", queue, mandatory: true, new BasicProperties(message.BasicProperties), message.Body, cancellationToken);

    /// <summary>Puts any text into a queue.</summary>
    public async Task PutAsync(string queue, string body, string contentType, CancellationToken cancellationToken) =>
        await (await GetChannelAsync(cancellationToken)).BasicPublishAsync(
        "", queue, mandatory: true, new BasicProperties { ContentType = contentType }, Encoding.UTF8.GetBytes(body), cancellationToken);

    /// <summary>Takes one message from a queue and returns it, repeatedly.</summary>
    public async Task ReturnAsync(string queue, int times, CancellationToken cancellationToken)
    {
        var channel = await GetChannelAsync(cancellationToken);
        for (var i = 0; i < times; i++)
        {
            var message = await GetAsync(queue, autoAck: false, cancellationToken);
            await channel.BasicNackAsync(message.DeliveryTag, multiple: false, requeue: true, cancellationToken);
        }
    }

    /// <summary>Rejects one message of a queue, which dead-letters it.</summary>
    public async Task RejectAsync(string queue, CancellationToken cancellationToken)
    {
        var channel = await GetChannelAsync(cancellationToken);
        var message = await GetAsync(queue, autoAck: false, cancellationToken);
        await channel.BasicRejectAsync(message.DeliveryTag, requeue: false, cancellationToken);
    }

    /// <summary>Subscribes to the domain events, as another service would.</summary>
    public async Task<ConcurrentQueue<DomainEvent>> SubscribeAsync(CancellationToken cancellationToken)
    {
        var channel = await GetChannelAsync(cancellationToken);
        var received = new ConcurrentQueue<DomainEvent>();
        var queue = await channel.QueueDeclareAsync(cancellationToken: cancellationToken);
        foreach (var name in DomainEvents)
        {
            await channel.QueueBindAsync(queue.QueueName, $"Platform.Contracts:{name}", "", cancellationToken: cancellationToken);
        }

        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            using var envelope = JsonDocument.Parse(delivery.Body);
            received.Enqueue(new DomainEvent(
                delivery.Exchange.Split(':')[1],
                new Guid(delivery.BasicProperties.MessageId!),
                envelope.RootElement.GetProperty("message").GetProperty("jobId").GetString()!,
                envelope.RootElement.GetProperty("message").Clone()));
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(queue.QueueName, autoAck: true, consumer, cancellationToken);
        return received;
    }

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _connection.DisposeAsync();
    }

    /// <summary>The channel, once it is open again after a restart of the broker.</summary>
    private async Task<IChannel> GetChannelAsync(CancellationToken cancellationToken)
    {
        await Waiting.UntilAsync("a channel to the broker", () => Task.FromResult(_channel.IsOpen), cancellationToken);
        return _channel;
    }

    private async Task<BasicGetResult> GetAsync(string queue, bool autoAck, CancellationToken cancellationToken)
    {
        var channel = await GetChannelAsync(cancellationToken);
        BasicGetResult? message = null;
        await Waiting.UntilAsync(
            $"a message in {queue}",
            async () => (message = await channel.BasicGetAsync(queue, autoAck, cancellationToken)) is not null,
            cancellationToken);
        return message!;
    }
}

/// <summary>A domain event as a subscriber receives it.</summary>
public sealed record DomainEvent(string Name, Guid MessageId, string JobId, JsonElement Message);
