using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Platform.Simulator.Api;

var settings = new ConfigurationBuilder().AddEnvironmentVariables().Build();
if (settings["DOTNET_ENVIRONMENT"] != Environments.Development)
{
    // It signs with the platform's secret: where others can reach the platform, only the real Magic Hour may.
    Console.WriteLine("Magic Hour is simulated in the environment Development only.");
    return;
}

var options = settings.GetSection("Simulation").Get<SimulatedMagicHourOptions>() ?? new SimulatedMagicHourOptions();
using var stopping = new CancellationTokenSource();
await using var magicHour = await SimulatedMagicHour.StartAsync(options with { LogsToConsole = true }, TimeProvider.System, stopping.Token);
await magicHour.WaitForShutdownAsync(stopping.Token);
