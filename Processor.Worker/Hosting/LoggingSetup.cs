using Microsoft.Extensions.Logging.Console;

namespace Processor.Worker.Hosting;

internal static class LoggingSetup
{
    /// <summary>The console, in one of two formats (<c>Logging__Console__FormatterName</c>); text unless it is said.</summary>
    public static void AddConsoleLines(this WebApplicationBuilder builder)
    {
        // The slim host chooses a format after it has read the settings: here they are read again.
        builder.Services.Configure<ConsoleLoggerOptions>(builder.Configuration.GetSection("Logging:Console"));
        builder.Logging.AddConsoleFormatter<TextLine, ConsoleFormatterOptions>();
        builder.Logging.AddConsoleFormatter<JsonLine, ConsoleFormatterOptions>();
    }
}
