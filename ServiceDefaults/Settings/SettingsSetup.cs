using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Platform.ServiceDefaults.Telemetry;

namespace Platform.ServiceDefaults.Settings;

/// <summary>
/// Options that are bound to a section and validated before the service starts: all
/// errors are reported together, each with the setting's name.
/// </summary>
public static partial class SettingsSetup
{
    private const string SettingsDirectory = "SettingsDirectory";

    // This section belongs to .NET, and other programs may keep their settings in it too.
    private const string SharedSection = "ConnectionStrings";

    /// <summary>
    /// Binds a section. Validation rules are the attributes of the class, and <see
    /// cref="IValidatableObject"/> for rules that span properties.
    /// </summary>
    public static void AddSettings<T>(this IServiceCollection services, string section)
        where T : class, new()
    {
        // Several features may read one section. Binding it twice would add every value of its lists twice.
        if (services.Any(service => service.ImplementationInstance is Section known && known.Name == section))
        {
            return;
        }

        services.AddOptions<T>().BindConfiguration(section);
        services.AddSingleton(new Section(section, () => new T()));
    }

    /// <summary>
    /// Reads settings from the files of a mounted folder (<c>SettingsDirectory</c>), one per file, named as in the environment. A secret in
    /// an environment variable is visible to anyone who can inspect the process.
    /// </summary>
    public static void UseSettingsDirectory(this WebApplicationBuilder builder)
    {
        // FindSettingsErrors reports a folder that does not exist.
        if (builder.Configuration[SettingsDirectory] is { } directory && Directory.Exists(directory))
        {
            builder.Configuration.Sources.Add(new SettingFiles(Path.GetFullPath(directory)));
        }
    }

    /// <summary>
    /// Sets the default listen address, for when neither <c>--urls</c> nor <c>ASPNETCORE_URLS</c>
    /// does: a default in appsettings.json would take precedence over both.
    /// </summary>
    public static void UseDefaultUrl(this WebApplicationBuilder builder, string url)
    {
        if (builder.Configuration[WebHostDefaults.ServerUrlsKey] is null)
        {
            builder.WebHost.UseUrls(url);
        }
    }

    /// <summary>Finds all errors, one line per setting, named as in the environment. Empty when the service may be built.</summary>
    public static IReadOnlyList<string> FindSettingsErrors(this WebApplicationBuilder builder) =>
    [
        .. builder.Configuration[SettingsDirectory] is { } directory && !Directory.Exists(directory)
            ? [$"{SettingsDirectory}: '{directory}' is not a folder."]
            : Array.Empty<string>(),
        .. builder.Services
            .Select(service => service.ImplementationInstance)
            .OfType<Section>()
            .SelectMany(section => section.FindErrors(builder.Configuration.GetSection(section.Name), builder.Environment.IsDevelopment())),
        .. OtlpSettings.FindErrors(builder.Configuration),
    ];

    /// <summary>
    /// Warns about names that match no setting. The service starts all the same: an earlier or later version may know them.
    /// </summary>
    public static void WarnOfUnknownSettings(this WebApplication app)
    {
        var unknown = app.Services.GetServices<Section>().SelectMany(section => section.FindUnknown(app.Configuration.GetSection(section.Name))).ToArray();
        if (unknown.Length > 0)
        {
            LogUnknown(app.Logger, string.Join(", ", unknown));
        }

        foreach (var name in OtlpSettings.FindForeignExporters(app.Configuration))
        {
            LogForeignExporter(app.Logger, name);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Ignoring settings with unknown names: {Names}")]
    private static partial void LogUnknown(ILogger logger, string names);

    [LoggerMessage(LogLevel.Warning, "{Name} names an exporter that the platform does not have: it supports only otlp and none")]
    private static partial void LogForeignExporter(ILogger logger, string name);

    private sealed record Section(string Name, Func<object> Create)
    {
        /// <param name="acceptsDefaults">True when publicly known secrets are accepted.</param>
        public IEnumerable<string> FindErrors(IConfigurationSection values, bool acceptsDefaults)
        {
            var options = Create();
            var unreadable = options.GetType().GetProperties().Where(property => !IsReadable(property, values[property.Name])).ToArray();

            // Leave out values that cannot be parsed, so that the rest can still be bound and validated.
            var readable = values.AsEnumerable(makePathsRelative: true).Where(value => unreadable.All(property => !IsName(property, value.Key)));
            new ConfigurationBuilder().AddInMemoryCollection(readable).Build().Bind(options);
            var invalid = new List<ValidationResult>();
            var context = new ValidationContext(options);
            if (!Validator.TryValidateObject(options, context, invalid, validateAllProperties: true) && options is IValidatableObject rules)
            {
                // The validator skips the rules when attributes fail; the rules may find further errors, or errors already reported.
                invalid.AddRange(rules.Validate(context).ExceptBy(invalid.Select(result => result.ErrorMessage), result => result.ErrorMessage));
            }

            if (!acceptsDefaults && options is ISecretOptions secrets)
            {
                invalid.AddRange(secrets.FindDefaultSecrets());
            }

            return unreadable
                .Select(property => $"{Name}__{property.Name}: '{values[property.Name]}' is not a {(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType).Name}.")
                .Concat(invalid.Select(result => $"{Name}__{result.MemberNames.FirstOrDefault()}: {result.ErrorMessage}"));
        }

        public IEnumerable<string> FindUnknown(IConfigurationSection values) => Name == SharedSection
            ? []
            : values.GetChildren()
                .Where(value => Create().GetType().GetProperties().All(property => !IsName(property, value.Key)))
                .Select(value => $"{Name}__{value.Key}");

        // Case-insensitive, like all of .NET's configuration.
        private static bool IsName(PropertyInfo property, string key) => property.Name.Equals(key, StringComparison.OrdinalIgnoreCase);

        private static bool IsReadable(PropertyInfo property, string? value) =>
            value is null
            || TypeDescriptor.GetConverter(property.PropertyType) is var converter
            && (!converter.CanConvertFrom(typeof(string)) || converter.IsValid(value));
    }
}
