using Microsoft.Extensions.Logging.Console;

namespace Ingress.Api.Hosting;

internal static class LoggingSetup
{
    /// <summary>The console, in one of two formats (<c>Logging__Console__FormatterName</c>); text unless it is said.</summary>
    public static void AddConsoleLines(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(provider =>
            new OutputBuffer(Console.OpenStandardOutput(), provider.GetRequiredService<TimeProvider>()));
        // Once more: the slim host has its own choice of a format after the settings'.
        builder.Services.Configure<ConsoleLoggerOptions>(builder.Configuration.GetSection("Logging:Console"));
        builder.Logging.AddConsoleFormatter<TextLine, ConsoleFormatterOptions>();
        builder.Logging.AddConsoleFormatter<JsonLine, ConsoleFormatterOptions>();
    }
}
