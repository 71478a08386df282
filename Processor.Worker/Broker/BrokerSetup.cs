using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Broker;

internal static class BrokerSetup
{
    public static IServiceCollection AddBroker(this IServiceCollection services)
    {
        services.AddSettings<BrokerOptions>(BrokerOptions.Section);
        services.AddSingleton<BrokerConnector>();
        services.AddSingleton<BrokerTopology>();
        services.AddSingleton<BrokerManagement>();
        services.AddTransient<BrokerPublisher>();
        return services;
    }
}
