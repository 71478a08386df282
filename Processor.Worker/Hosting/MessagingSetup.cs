using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.ServiceDefaults.Broker;
using Processor.Worker.Accounting;
using Processor.Worker.Broker;
using Processor.Worker.Consumers;
using Processor.Worker.Inbox;
using Processor.Worker.Persistence;
using Processor.Worker.Registration;
using RabbitMQ.Client;

namespace Processor.Worker.Hosting;

internal static class MessagingSetup
{
    public static IServiceCollection AddMessaging(this IServiceCollection services)
    {
        // Also the default: it reads messages with a missing or unknown content type.
        services.AddBus((_, rabbit) => rabbit.AddDeserializer(new EnvelopeDeserializer(), isDefault: true));
        // Each timeout fits within the next: messages in flight, the bus, the host, and last the grace period of Kubernetes (60 s).
        services.Configure<MassTransitHostOptions>(options =>
        {
            options.ConsumerStopTimeout = TimeSpan.FromSeconds(20);
            options.StopTimeout = TimeSpan.FromSeconds(30);
        });
        services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(35));
        return services;
    }

    /// <summary>Creates buses that declare exchanges and bindings at start, and consume nothing (<c>Func&lt;IBusControl&gt;</c>).</summary>
    public static IServiceCollection AddTopologyDeployment(this IServiceCollection services) => services
        .AddBus(DeclareOnly)
        .AddSingleton<Func<IBusControl>>(provider => () => MassTransit.Bus.Factory.CreateUsingRabbitMq(rabbit =>
        {
            var context = provider.GetRequiredService<IBusRegistrationContext>();
            rabbit.UseBroker(context);
            DeclareOnly(context, rabbit);
        }));

    private static void DeclareOnly(IBusRegistrationContext context, IRabbitMqBusFactoryConfigurator rabbit)
    {
        rabbit.DeployTopologyOnly = true;
        rabbit.DeployPublishTopology = true;
        rabbit.Publish<JobStarted>();
        rabbit.Publish<JobCompleted>();
        rabbit.Publish<JobFailed>();
        rabbit.Publish<JobCanceled>();
        // Reports come through the exchange of the events.
        rabbit.Publish<PublishesConfirmed>(report => report.Exclude = true);
        rabbit.ConfigureEndpoints(context);
    }

    private static IServiceCollection AddBus(
        this IServiceCollection services, Action<IBusRegistrationContext, IRabbitMqBusFactoryConfigurator> configure) => services
        .AddSingleton<ConsumerLimits>()
        .AddSingleton<DeliveryBudget>()
        .AddMassTransit(bus =>
        {
            // By default MassTransit sends usage telemetry to its vendor.
            bus.DisableUsageTelemetry();
            bus.AddEventConsumers();
            bus.AddAccountingConsumers();
            bus.AddRegistrationConsumers();
            bus.UsingRabbitMq((context, rabbit) =>
            {
                rabbit.UseBroker(context);
                configure(context, rabbit);
            });
        });

    private static void UseBroker(this IRabbitMqBusFactoryConfigurator rabbit, IBusRegistrationContext context)
    {
        var address = BrokerAddress.Parse(context.GetRequiredService<IOptions<ConnectionOptions>>().Value.RabbitMq);
        var authorities = context.GetRequiredService<IOptions<BrokerOptions>>().Value.CertificateAuthorities;
        rabbit.Host(address.Nodes[0].Host, (ushort)address.Nodes[0].Port, address.VirtualHost, "processor-worker", host =>
        {
            host.Username(address.User);
            host.Password(address.Password);
            // With the default of 60 s, detecting a hanging broker takes three minutes.
            host.Heartbeat(TimeSpan.FromSeconds(10));
            host.ContinuationTimeout(TimeSpan.FromSeconds(10));
            host.RequestedConnectionTimeout(TimeSpan.FromSeconds(5));
            // MassTransit's settings support only one certificate name for all nodes, and accept any authority.
            host.OnRefreshConnectionFactory = factory =>
            {
                factory.SocketFactory = BudgetedStream.Sockets(context.GetRequiredService<DeliveryBudget>());
                factory.EndpointResolverFactory = _ => new DefaultEndpointResolver(BrokerEndpoints.Create(address, authorities));
                return Task.CompletedTask;
            };
        });
    }
}
