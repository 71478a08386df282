using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Ingress.Api.Publishing;
using MassTransit.Serialization;
using Microsoft.Extensions.Hosting;
using Platform.Contracts;

namespace Ingress.Api.Tests;

/// <summary>Receives the ingress's messages and answers as the test specifies; confirms by default.</summary>
internal sealed class InMemoryBroker(PublishQueue queue) : BackgroundService
{
    private readonly ConcurrentQueue<Envelope> _published = new();
    private readonly ChannelReader<PendingPublish> _waiting = queue.Open();

    public IReadOnlyCollection<Envelope> Published => _published;

    /// <summary>Chooses the answer to a message, and its time.</summary>
    public Func<Envelope, Task<PublishAnswer>> Answer { get; set; } = _ => Task.FromResult(PublishAnswer.Confirmed);

    /// <summary>The contracts of one type published so far, as MassTransit reads them.</summary>
    public T[] Messages<T>() =>
    [
        .. _published
            .Select(message => JsonNode.Parse(message.Content.Span)!)
            .Where(envelope => envelope["messageType"]![0]!.GetValue<string>() == $"urn:message:Platform.Contracts:{typeof(T).Name}")
            .Select(envelope => envelope["message"].Deserialize<T>(SystemTextJsonMessageSerializer.Options)!),
    ];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var publish in _waiting.ReadAllAsync(stoppingToken))
        {
            if (publish.Take() is { } message)
            {
                _published.Enqueue(message);
                _ = AnswerAsync(publish, message);
            }
        }
    }

    private async Task AnswerAsync(PendingPublish publish, Envelope message) => publish.Resolve(await Answer(message));
}
