using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Persistence;
using RabbitMQ.Client;

namespace Processor.Worker.Hosting;

internal static class MessagingSetup
{
    public static IServiceCollection AddMessaging(this IServiceCollection services)
    {
        services.AddMassTransit(bus =>
        {
            bus.AddEventConsumers();
            bus.UsingRabbitMq((context, rabbit) =>
            {
                rabbit.UseBroker(context);
                rabbit.AddDeserializer(new EnvelopeDeserializer());
            });
        });
        // Each within the next: in-flight messages, the bus, the host, and Kubernetes' grace period (60 s) last.
        services.Configure<MassTransitHostOptions>(options =>
        {
            options.ConsumerStopTimeout = TimeSpan.FromSeconds(20);
            options.StopTimeout = TimeSpan.FromSeconds(30);
        });
        services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(35));
        return services;
    }

    /// <summary>A bus that declares exchanges and bindings when started, and consumes nothing.</summary>
    public static IServiceCollection AddTopologyDeployment(this IServiceCollection services)
    {
        services.AddMassTransit(bus =>
        {
            bus.AddEventConsumers();
            bus.UsingRabbitMq((context, rabbit) =>
            {
                rabbit.UseBroker(context);
                rabbit.DeployTopologyOnly = true;
                rabbit.DeployPublishTopology = true;
                rabbit.Publish<JobStarted>();
                rabbit.Publish<JobCompleted>();
                rabbit.Publish<JobFailed>();
                rabbit.ConfigureEndpoints(context);
            });
        });
        return services;
    }

    private static void UseBroker(this IRabbitMqBusFactoryConfigurator rabbit, IBusRegistrationContext context)
    {
        var address = BrokerAddress.Parse(context.GetRequiredService<IOptions<ConnectionOptions>>().Value.RabbitMq);
        rabbit.Host(address.Nodes[0].Host, (ushort)address.Nodes[0].Port, address.VirtualHost, "processor-worker", host =>
        {
            host.Username(address.User);
            host.Password(address.Password);
            // The default of 60 s takes three minutes to notice a broker that hangs.
            host.Heartbeat(TimeSpan.FromSeconds(10));
            host.ContinuationTimeout(TimeSpan.FromSeconds(10));
            host.RequestedConnectionTimeout(TimeSpan.FromSeconds(5));
            // MassTransit's own settings know one name for the certificates of all nodes, and accept any authority.
            host.OnRefreshConnectionFactory = factory =>
            {
                factory.EndpointResolverFactory = _ => new DefaultEndpointResolver(BrokerEndpoints.Of(address));
                return Task.CompletedTask;
            };
        });
    }
}
