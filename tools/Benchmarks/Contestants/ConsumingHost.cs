using MassTransit;
using Platform.Contracts;
using Platform.ServiceDefaults.Broker;
using Processor.Worker.Consumers;

namespace Platform.Benchmarks.Contestants;

/// <summary>A process in which MassTransit consumes <c>webhook-received</c> with the worker's configuration but another consumer.</summary>
internal static class ConsumingHost
{
    // The worker's default concurrency.
    private const int InWork = 512;

    public static async Task<int> RunAsync<TConsumer>(ContestantOptions options, CancellationToken cancellationToken)
        where TConsumer : class, IConsumer
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(new Tally(options.Messages, options.WarmUp));
        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            bus.AddConsumer<TConsumer>();
            bus.UsingRabbitMq((context, rabbit) => Consume<TConsumer>(rabbit, context, BrokerAddress.Parse(options.RabbitMq)));
        });
        using var host = builder.Build();
        await host.StartAsync(cancellationToken);
        Announcement.Ready();
        await host.WaitForShutdownAsync(cancellationToken);
        return 0;
    }

    private static void Consume<TConsumer>(IRabbitMqBusFactoryConfigurator rabbit, IBusRegistrationContext context, BrokerAddress address)
        where TConsumer : class, IConsumer
    {
        rabbit.Host(address.Nodes[0].Host, (ushort)address.Nodes[0].Port, address.VirtualHost, host =>
        {
            host.Username(address.User);
            host.Password(address.Password);
        });
        rabbit.ReceiveEndpoint(Topology.WebhookReceivedQueue, endpoint =>
        {
            endpoint.PrefetchCount = InWork;
            endpoint.ConcurrentMessageLimit = InWork;
            endpoint.PublishFaults = false;
            endpoint.UseTopology(Topology.WebhookReceivedQueue);
            endpoint.ConfigureConsumer<TConsumer>(context);
        });
    }
}
