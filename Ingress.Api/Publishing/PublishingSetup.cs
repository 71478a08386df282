using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using RabbitMQ.Client;

namespace Ingress.Api.Publishing;

internal static class PublishingSetup
{
    public static IServiceCollection AddPublishing(this IServiceCollection services)
    {
        services.AddSettings<ConnectionOptions>(ConnectionOptions.Section);
        services.AddSingleton<EventPublisher>();
        services.AddSingleton<PublishBreaker>();
        services.AddSingleton<PublishWatchdog>();
        services.AddSingleton<BrokerMonitor>();
        services.AddHostedService(provider => provider.GetRequiredService<BrokerMonitor>());
        services.AddPublishObserver<RefusalObserver>();
        services.AddMassTransit(bus => bus.UsingRabbitMq((context, rabbit) =>
            UseBroker(rabbit, BrokerAddress.Parse(context.GetRequiredService<IOptions<ConnectionOptions>>().Value.RabbitMq))));
        return services;
    }

    private static void UseBroker(IRabbitMqBusFactoryConfigurator rabbit, BrokerAddress address) =>
        rabbit.Host(address.Nodes[0].Host, (ushort)address.Nodes[0].Port, address.VirtualHost, "ingress-api", host =>
        {
            host.Username(address.User);
            host.Password(address.Password);
            // The default of 60 s takes three minutes to notice a broker that hangs.
            host.Heartbeat(TimeSpan.FromSeconds(10));
            // After a failed publish the exchange is declared again, and that waits this long whatever the token says; the default is 20 s.
            host.ContinuationTimeout(TimeSpan.FromSeconds(3));
            host.RequestedConnectionTimeout(TimeSpan.FromSeconds(5));
            // MassTransit's own settings know one name for the certificates of all nodes, and accept any authority.
            host.OnRefreshConnectionFactory = factory =>
            {
                factory.EndpointResolverFactory = _ => new DefaultEndpointResolver(BrokerEndpoints.Of(address));
                return Task.CompletedTask;
            };
        });
}
