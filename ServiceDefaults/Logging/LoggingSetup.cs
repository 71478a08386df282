using Microsoft.Extensions.Logging.Console;

namespace Platform.ServiceDefaults.Logging;

/// <summary>The console logger of both services.</summary>
public static class LoggingSetup
{
    /// <summary>Logs to the console, as <c>text</c> (the default) or <c>json-line</c> (<c>Logging__Console__FormatterName</c>).</summary>
    public static void AddConsoleLines(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(_ => new OutputBuffer(Console.OpenStandardOutput(), delay: TimeSpan.FromMilliseconds(20)));
        // The slim host sets a formatter after it has bound the settings, so bind them again.
        builder.Services.Configure<ConsoleLoggerOptions>(builder.Configuration.GetSection("Logging:Console"));
        builder.Logging.AddConsoleFormatter<TextLine, ConsoleFormatterOptions>();
        builder.Logging.AddConsoleFormatter<JsonLine, ConsoleFormatterOptions>();
    }
}
