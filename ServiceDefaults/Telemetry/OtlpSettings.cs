using System.Globalization;
using OpenTelemetry.Exporter;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>
/// Reads the standard OpenTelemetry settings (<c>OTEL_*</c>) from the same configuration as all others. For an exporter that it does not
/// add itself, the library reads them from the environment only, and reads per-signal settings only when all signals are exported.
/// </summary>
internal static class OtlpSettings
{
    /// <summary>Minimum capacity of a queue: the default of 2048 spans is less than a second of a storm.</summary>
    public const int MinQueueSize = 8192;

    // Enough for an SQL statement or the upper part of a stack, but not for a header of 16 KiB.
    private const int DefaultMaxText = 1024;

    private const string MaxText = "ATTRIBUTE_VALUE_LENGTH_LIMIT";

    private const string Exporter = "OTEL_EXPORTER_OTLP_";

    private static readonly string[] Limits =
    [
        $"OTEL_{MaxText}", $"OTEL_SPAN_{MaxText}", $"OTEL_LOGRECORD_{MaxText}", "OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    ];

    private static readonly string[] Certificates = [$"{Exporter}CERTIFICATE", $"{Exporter}CLIENT_CERTIFICATE", $"{Exporter}CLIENT_KEY"];

    private static readonly string[] Signals = ["TRACES", "METRICS", "LOGS"];

    private static readonly Rule[] Rules =
    [
        .. RulesOfExporter(Exporter, Signals),
        .. Signals.SelectMany(signal => RulesOfExporter($"{Exporter}{signal}_", [signal])),
        .. Certificates.Select(file => new Rule(file, FindFileError)),
        .. RulesOfQueue("OTEL_BSP_", "TRACES"),
        .. RulesOfQueue("OTEL_BLRP_", "LOGS"),
        .. Limits.Select(limit => new Rule(limit, FindNumberError)),
        new("OTEL_METRIC_EXPORT_INTERVAL", FindNumberError) { Signals = ["METRICS"] },
        new("OTEL_METRIC_EXPORT_TIMEOUT", FindNumberError) { Signals = ["METRICS"] },
        new("OTEL_TRACES_SAMPLER", OneOf(
            "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio")) { Signals = ["TRACES"] },
        new("OTEL_TRACES_SAMPLER_ARG", FindShareError) { Signals = ["TRACES"] },
        new("OTEL_RESOURCE_ATTRIBUTES", FindPairsError),
    ];

    /// <summary>
    /// True when there is an endpoint for all signals or for this one, and <c>OTEL_…_EXPORTER</c> names no exporter other than <c>otlp</c>.
    /// </summary>
    public static bool Exports(this IConfiguration configuration, string signal) =>
        (configuration.Read($"{Exporter}ENDPOINT") ?? configuration.Read($"{Exporter}{signal}_ENDPOINT")) is not null
        && configuration.ReadExporters(signal) is var exporters && (exporters.Length == 0 || exporters.Any(exporter => Is(exporter, "otlp")));

    /// <summary>Finds the settings <c>OTEL_…_EXPORTER</c> that name an exporter the platform does not have.</summary>
    public static IEnumerable<string> FindForeignExporters(IConfiguration configuration) =>
        from signal in Signals
        where configuration.ReadExporters(signal).Any(exporter => !Is(exporter, "otlp") && !Is(exporter, "none"))
        select $"OTEL_{signal}_EXPORTER";

    /// <summary>Maximum length of a text in a span or a log record, in characters.</summary>
    /// <param name="what"><c>SPAN</c> or <c>LOGRECORD</c>: a setting for one takes precedence over the setting for both.</param>
    public static int MaxTextOf(IConfiguration configuration, string what) =>
        ReadNumber(configuration.Read($"OTEL_{what}_{MaxText}") ?? configuration.Read($"OTEL_{MaxText}")) is > 0 and var max ? max : DefaultMaxText;

    /// <summary>
    /// Copies to the environment the settings that the library reads only there: limits,
    /// with a default for the length of text, and certificate files.
    /// </summary>
    public static void ApplyToEnvironment(IConfiguration configuration)
    {
        foreach (var name in Limits.Concat(Certificates))
        {
            if ((configuration.Read(name) ?? (name == $"OTEL_{MaxText}" ? $"{DefaultMaxText}" : null)) is { } value)
            {
                Environment.SetEnvironmentVariable(name, value);
            }
        }
    }

    /// <summary>Creates the options of an exporter for one signal.</summary>
    public static OtlpExporterOptions CreateOptions(IServiceProvider provider, string signal)
    {
        var configuration = provider.GetRequiredService<IConfiguration>();
        var options = new OtlpExporterOptions();
        configuration.Apply(Exporter, options);
        configuration.ApplySignal(signal, options);
        // The library adds the signal's path to a general endpoint only if it has read that endpoint from the environment itself.
        if (options.Protocol is OtlpExportProtocol.HttpProtobuf && configuration.Read($"{Exporter}{signal}_ENDPOINT") is null)
        {
            options.Endpoint = new Uri($"{configuration.Read($"{Exporter}ENDPOINT")?.TrimEnd('/')}/v1/{signal.ToLowerInvariant()}");
        }

        return options;
    }

    /// <summary>Applies the settings for all signals, then those for one signal, which take precedence.</summary>
    public static void ApplySignal(this IConfiguration configuration, string signal, OtlpExporterOptions options) =>
        configuration.Apply($"{Exporter}{signal}_", options);

    private static void Apply(this IConfiguration configuration, string prefix, OtlpExporterOptions options)
    {
        options.Headers = configuration.Read($"{prefix}HEADERS") ?? options.Headers;
        if (configuration.Read($"{prefix}ENDPOINT") is { } endpoint)
        {
            // Setting the endpoint, even to the same value, turns off adding the signal's path.
            options.Endpoint = new Uri(endpoint);
        }

        if (configuration.Read($"{prefix}PROTOCOL") is { } protocol)
        {
            options.Protocol = protocol == "grpc" ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        }

        if (configuration.Read($"{prefix}TIMEOUT") is { } timeout)
        {
            options.TimeoutMilliseconds = int.Parse(timeout, CultureInfo.InvariantCulture);
        }

        if (configuration.Read($"{prefix}COMPRESSION") is { } compression)
        {
            options.Compression = Is(compression, "gzip") ? OtlpExportCompression.GZip : OtlpExportCompression.None;
        }
    }

    /// <summary>
    /// Finds all errors, one line per setting. Values that may hold a secret are not shown. Settings of signals that are not exported are
    /// not read: they are often given to all programs of a cluster.
    /// </summary>
    public static IEnumerable<string> FindErrors(IConfiguration configuration) =>
        from rule in Rules
        where rule.Signals.Any(signal => configuration.Exports(signal))
        let value = configuration.Read(rule.Name)
        let error = value is null ? null : rule.FindError(value, configuration)
        where error is not null
        select $"{rule.Name}: {error}";

    private static IEnumerable<Rule> RulesOfExporter(string prefix, string[] signals) => new Rule[]
    {
        new($"{prefix}ENDPOINT", FindUrlError),
        new($"{prefix}PROTOCOL", value => value is "grpc" or "http/protobuf" ? null : $"'{value}' is neither grpc nor http/protobuf."),
        new($"{prefix}HEADERS", FindHeadersError),
        new($"{prefix}TIMEOUT", FindNumberError),
        new($"{prefix}COMPRESSION", OneOf("none", "gzip")),
    }.Select(rule => rule with { Signals = signals });

    private static IEnumerable<Rule> RulesOfQueue(string prefix, string signal) => new Rule[]
    {
        new($"{prefix}SCHEDULE_DELAY", FindNumberError),
        new($"{prefix}EXPORT_TIMEOUT", FindNumberError),
        new($"{prefix}MAX_QUEUE_SIZE", FindNumberError),
        new($"{prefix}MAX_EXPORT_BATCH_SIZE", (value, configuration) => FindNumberError(value)
            ?? (ReadNumber(value) > Math.Max(MinQueueSize, ReadNumber(configuration.Read($"{prefix}MAX_QUEUE_SIZE")))
                ? $"'{value}' is more than {prefix}MAX_QUEUE_SIZE."
                : null)),
    }.Select(rule => rule with { Signals = [signal] });

    private static string? FindUrlError(string value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
            ? null
            : "is not an http or https address, such as http://collector:4317.";

    private static string? FindNumberError(string value) => ReadNumber(value) > 0 ? null : $"'{value}' is not a whole number above 0.";

    private static string? FindShareError(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1
            ? null
            : $"'{value}' is not a number from 0 to 1.";

    private static string? FindFileError(string value) => File.Exists(value) ? null : $"'{value}' is not a file.";

    private static string? FindPairsError(string value)
    {
        var pairs = value.TrimEnd(',').Split(',').Select(pair => pair.Split('=', 2)).ToArray();
        return pairs.All(pair => pair.Length == 2 && pair[0].Trim().Length > 0)
            && pairs.DistinctBy(pair => Uri.UnescapeDataString(pair[0]).Trim()).Count() == pairs.Length
            ? null
            : "is not a list such as name=value,name=value with each name once.";
    }

    // The exporter decodes the whole text before it looks for commas.
    private static string? FindHeadersError(string value) =>
        FindPairsError(Uri.UnescapeDataString(value))
        ?? (Uri.UnescapeDataString(value).Split(',').Any(pair => pair.Split('=')[0].Trim() == "User-Agent") ? "names User-Agent, which the exporter sets." : null);

    private static Func<string, string?> OneOf(params string[] values) =>
        value => values.Any(known => Is(value, known)) ? null : $"'{value}' is none of {string.Join(", ", values)}.";

    // A blank value counts as not set, as in the library.
    private static string? Read(this IConfiguration configuration, string name) =>
        configuration[name] is { } value && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;

    private static string[] ReadExporters(this IConfiguration configuration, string signal) =>
        configuration.Read($"OTEL_{signal}_EXPORTER")?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static int ReadNumber(string? value) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static bool Is(string? value, string known) => string.Equals(value, known, StringComparison.OrdinalIgnoreCase);

    /// <param name="FindError">Returns what is wrong with a value; null when it is valid.</param>
    private sealed record Rule(string Name, Func<string, IConfiguration, string?> FindError)
    {
        public Rule(string name, Func<string, string?> findError)
            : this(name, (value, _) => findError(value))
        {
        }

        /// <summary>The signals that it belongs to: the rule applies when any of them is exported.</summary>
        public string[] Signals { get; init; } = OtlpSettings.Signals;
    }
}
