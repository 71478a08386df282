using MassTransit;
using MassTransit.Configuration;
using MassTransit.Middleware;

namespace Processor.Worker.Inbox;

internal static class InboxSetup
{
    public static IServiceCollection AddInbox(this IServiceCollection services)
    {
        services.AddScoped<UnitOfWork>();
        services.AddScoped<IOutboxContextFactory<UnitOfWork>, InboxContextFactory>();
        services.AddSingleton<GroupTransaction>();
        services.AddSingleton<DatabaseOutage>();
        services.AddSingleton<Suspects>();
        services.AddSingleton<GroupCommitter>();
        services.AddSingleton<Progress>();
        // Before MassTransit: hosted services stop in reverse, and messages in work need the committer to the end.
        services.AddHostedService(provider => provider.GetRequiredService<GroupCommitter>());
        services.AddHostedService<InboxGauges>();
        return services;
    }

    /// <summary>
    /// Puts MassTransit's inbox filter before a consumer: each message by its own id. It is all that MassTransit's Entity Framework
    /// package does in <c>UseEntityFrameworkOutbox</c>; only the provider behind it is ours.
    /// </summary>
    public static void UseInbox<TConsumer>(
        this IConsumerConfigurator<TConsumer> consumer, IReceiveEndpointConfigurator endpoint, IRegistrationContext context)
        where TConsumer : class =>
        consumer.ConnectConsumerConfigurationObserver(new OutboxConsumePipeSpecificationObserver<UnitOfWork>(endpoint, context));
}
