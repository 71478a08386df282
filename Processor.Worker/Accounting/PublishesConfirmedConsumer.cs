using MassTransit;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Persistence;

namespace Processor.Worker.Accounting;

/// <summary>Stores the report of an ingress. It bypasses the inbox: a report that is consumed twice has the effect of one.</summary>
internal sealed class PublishesConfirmedConsumer(SingleWrites writes, TimeProvider time) : IConsumer<PublishesConfirmed>
{
    public Task Consume(ConsumeContext<PublishesConfirmed> context) =>
        writes.OutlastAsync((connection, stopping) => NoteAsync(connection, context.Message, stopping), context.CancellationToken);

    private async Task<int> NoteAsync(NpgsqlConnection connection, PublishesConfirmed report, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var batch = PublishSource.Note(report, now);
        if (report.Answers is { } answers)
        {
            batch.BatchCommands.Add(IngressAnswers.Note(report.Source, answers, report.ReportedAt, now));
        }

        batch.Connection = connection;
        return await batch.ExecuteNonQueryAsync(cancellationToken);
    }
}

/// <summary>Shares the queue of the events, and its policy.</summary>
internal sealed class PublishesConfirmedDefinition : ConsumerDefinition<PublishesConfirmedConsumer>
{
    public PublishesConfirmedDefinition() => EndpointName = Topology.WebhookReceivedQueue;

    // Reports come through the exchange of the events: their own would be one more to declare.
    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpoint, IConsumerConfigurator<PublishesConfirmedConsumer> consumer, IRegistrationContext context) =>
        endpoint.ConfigureMessageTopology<PublishesConfirmed>(enabled: false);
}
