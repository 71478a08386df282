using Npgsql;
using Platform.Contracts;
using Processor.Worker.Broker;

namespace Processor.Worker.Release;

/// <summary>Opens the places in which messages are parked.</summary>
internal sealed class ParkingPlaces(BrokerConnector connector, NpgsqlDataSource database, TimeProvider time)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(30);

    public Task<TResult> UseAsync<TResult>(PlaceName place, IParkedAction<TResult> action, CancellationToken cancellationToken) => place switch
    {
        PlaceName.Error => UseQueueAsync(Topology.ErrorQueue, Topology.WebhookReceivedQueue, action, cancellationToken),
        PlaceName.Dead => UseQueueAsync(Topology.DeadLetterQueue, Topology.WebhookReceivedQueue, action, cancellationToken),
        PlaceName.Registrations => UseQueueAsync(Topology.RegisterJobErrorQueue, Topology.RegisterJobQueue, action, cancellationToken),
        PlaceName.Quarantined => UseQuarantineAsync(action, cancellationToken),
        PlaceName.Notifications => action.RunAsync(new ParkedNotifications(database, time), cancellationToken),
        _ => throw new ArgumentOutOfRangeException(nameof(place), place, null),
    };

    private async Task<TResult> UseQueueAsync<TResult>(string queue, string front, IParkedAction<TResult> action, CancellationToken cancellationToken)
    {
        await using var place = await ParkedQueue.OpenAsync(queue, front, connector, database, time, cancellationToken);
        return await action.RunAsync(place, cancellationToken);
    }

    private async Task<TResult> UseQuarantineAsync<TResult>(IParkedAction<TResult> action, CancellationToken cancellationToken)
    {
        await using var publisher = new BrokerPublisher(connector, time);
        using var timeout = new CancellationTokenSource(ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        await publisher.OpenAsync(either.Token);
        return await action.RunAsync(new QuarantinedBodies(database, publisher, time), cancellationToken);
    }
}

/// <summary>Something to do with the messages of one place.</summary>
internal interface IParkedAction<TResult>
{
    Task<TResult> RunAsync<T>(IParkingPlace<T> place, CancellationToken cancellationToken)
        where T : ParkedMessage;
}
