using System.Net.Security;
using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;

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
            if (address.Nodes.Count > 1)
            {
                host.UseCluster(cluster =>
                {
                    foreach (var node in address.Nodes)
                    {
                        cluster.Node($"{node.Host}:{node.Port}");
                    }
                });
            }

            if (address.UseTls)
            {
                host.UseSsl(ssl =>
                {
                    ssl.ServerName = address.Nodes[0].Host;
                    // MassTransit accepts any authority unless told to look.
                    ssl.EnforcePolicyErrors(SslPolicyErrors.RemoteCertificateChainErrors);
                });
            }
        });
}
