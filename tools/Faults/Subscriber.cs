using System.Collections.Concurrent;
using System.Text.Json;
using Platform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Platform.Faults;

/// <summary>A subscriber of all domain events, from its start on.</summary>
internal sealed class Subscriber : IAsyncDisposable
{
    private static readonly string[] DomainEvents = [nameof(JobStarted), nameof(JobCompleted), nameof(JobFailed), nameof(JobCanceled)];

    private readonly IConnection _connection;
    private readonly ConcurrentDictionary<DomainEvent, int> _deliveries = new();

    private Subscriber(IConnection connection) => _connection = connection;

    /// <summary>The number of deliveries of each domain event.</summary>
    public IReadOnlyDictionary<DomainEvent, int> Deliveries => _deliveries;

    public static async Task<Subscriber> StartAsync(FaultContext context)
    {
        var connection = await new ConnectionFactory { Uri = new Uri(context.Lab.Broker.Uri) }.CreateConnectionAsync(context.Cancel);
        var channel = await connection.CreateChannelAsync(cancellationToken: context.Cancel);
        var queue = await channel.QueueDeclareAsync(cancellationToken: context.Cancel);
        foreach (var name in DomainEvents)
        {
            await channel.QueueBindAsync(queue.QueueName, $"Platform.Contracts:{name}", "", cancellationToken: context.Cancel);
        }

        var subscriber = new Subscriber(connection);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            subscriber.Count(delivery);
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(queue.QueueName, autoAck: true, consumer, context.Cancel);
        return subscriber;
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private void Count(BasicDeliverEventArgs delivery)
    {
        using var envelope = JsonDocument.Parse(delivery.Body);
        var jobId = envelope.RootElement.GetProperty("message").GetProperty("jobId").GetString()!;
        _deliveries.AddOrUpdate(new DomainEvent(jobId, new Guid(delivery.BasicProperties.MessageId!)), 1, (_, times) => times + 1);
    }
}

/// <summary>A domain event as its subscribers know it: deliveries with the same id are the same event.</summary>
internal readonly record struct DomainEvent(string JobId, Guid MessageId);
