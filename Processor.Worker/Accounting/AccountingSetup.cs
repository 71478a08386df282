using MassTransit;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Accounting;

internal static class AccountingSetup
{
    /// <summary>The patience, which other features read too.</summary>
    public static IServiceCollection AddAccounting(this IServiceCollection services)
    {
        services.AddSettings<AccountingOptions>(AccountingOptions.Section);
        return services;
    }

    /// <summary>Records what arrives.</summary>
    public static IServiceCollection AddLedger(this IServiceCollection services)
    {
        services.AddSingleton<PendingArrivals>();
        services.AddHostedService<Ledger>();
        return services;
    }

    public static void AddAccountingConsumers(this IRegistrationConfigurator bus) => bus.AddConsumer<PublishesConfirmedConsumer, PublishesConfirmedDefinition>();
}
