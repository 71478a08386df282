using Microsoft.Extensions.Logging.Console;

namespace Ingress.Api.Hosting;

internal static class LoggingSetup
{
    /// <summary>The console, in one of two formats (<c>Logging__Console__FormatterName</c>); text unless it is said.</summary>
    public static void AddConsoleLines(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(_ => new OutputBuffer(Console.OpenStandardOutput(), delay: TimeSpan.FromMilliseconds(20)));
        // The slim host chooses a format after it has read the settings: here they are read again.
        builder.Services.Configure<ConsoleLoggerOptions>(builder.Configuration.GetSection("Logging:Console"));
        builder.Logging.AddConsoleFormatter<TextLine, ConsoleFormatterOptions>();
        builder.Logging.AddConsoleFormatter<JsonLine, ConsoleFormatterOptions>();
    }
}
