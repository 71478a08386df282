using MassTransit;
using MassTransit.Configuration;
using MassTransit.Middleware;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

internal static class InboxSetup
{
    public static IServiceCollection AddInbox(this IServiceCollection services)
    {
        // Registered first: hosted services stop in reverse order, and a stop is clean once all of them have stopped.
        services.AddHostedService<RunMarker>();
        services.AddScoped<UnitOfWork>();
        services.AddScoped<IOutboxContextFactory<UnitOfWork>, InboxContextFactory>();
        services.AddSingleton<GroupTransaction>();
        services.AddSingleton<DatabaseOutage>();
        services.AddSingleton<SingleWrites>();
        services.AddSingleton<PoisonMessageGuard>();
        services.AddSingleton<GroupCommitter>();
        services.AddSingleton<CommitWatchdog>();
        services.AddSingleton<PostponedMessages>();
        // Registered before MassTransit: hosted services stop in reverse order, and messages in flight need the committer until they
        // finish.
        services.AddHostedService(provider => provider.GetRequiredService<GroupCommitter>());
        services.AddHostedService<InboxGauges>();
        return services;
    }

    /// <summary>Counts the messages of an endpoint against the budget of bytes in flight.</summary>
    public static void UseBudget(this IReceiveEndpointConfigurator endpoint, IRegistrationContext context) => endpoint.ConfigureReceive(pipe =>
        pipe.UseFilter(new BudgetedReceiveFilter(context.GetRequiredService<DeliveryBudget>(), context.GetRequiredService<ConsumerLimits>())));

    /// <summary>Acknowledges the messages of a group commit together, instead of one by one: half of the broker's work for an event.</summary>
    public static void UseBulkAcknowledgement(this IRabbitMqReceiveEndpointConfigurator endpoint) =>
        endpoint.ConfigureChannel(pipe => pipe.UseFilter(new AcknowledgingChannelFilter()));

    /// <summary>
    /// Puts MassTransit's inbox filter before a consumer, keyed by the id of each message. MassTransit's Entity Framework package does the
    /// same in <c>UseEntityFrameworkOutbox</c>; only the provider is the platform's own.
    /// </summary>
    public static void UseInbox<TConsumer>(
        this IConsumerConfigurator<TConsumer> consumer, IReceiveEndpointConfigurator endpoint, IRegistrationContext context)
        where TConsumer : class =>
        consumer.ConnectConsumerConfigurationObserver(new OutboxConsumePipeSpecificationObserver<UnitOfWork>(endpoint, context));
}
