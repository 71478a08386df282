using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;

namespace Ingress.Api;

/// <summary>Options bound to a section and checked before the service starts: every wrong setting is named, all at once.</summary>
internal static class Settings
{
    private const string SettingsDirectory = "SettingsDirectory";

    /// <summary>Binds a section; the rules are the attributes of the class, and <see cref="IValidatableObject"/> where they concern several.</summary>
    public static void AddSettings<T>(this IServiceCollection services, string section)
        where T : class, new()
    {
        services.AddOptions<T>().BindConfiguration(section);
        services.AddSingleton(new Section(section, () => new T()));
    }

    /// <summary>
    /// Settings may be files of a mounted folder (<c>SettingsDirectory</c>), one in each, named as in the environment: a secret in the
    /// environment shows to whoever may look at the process.
    /// </summary>
    public static void UseSettingsDirectory(this WebApplicationBuilder builder)
    {
        // One that is not there is found by FindSettingsErrors.
        if (builder.Configuration[SettingsDirectory] is { } directory && Directory.Exists(directory))
        {
            builder.Configuration.AddKeyPerFile(Path.GetFullPath(directory));
        }
    }

    /// <summary>Where to listen when nobody says (<c>--urls</c>, <c>ASPNETCORE_URLS</c>): a default in appsettings.json would win over both.</summary>
    public static void UseDefaultUrl(this WebApplicationBuilder builder, string url)
    {
        if (builder.Configuration[WebHostDefaults.ServerUrlsKey] is null)
        {
            builder.WebHost.UseUrls(url);
        }
    }

    /// <summary>What is wrong, a line for each setting, named as in the environment. Empty when the service may be built.</summary>
    public static IReadOnlyList<string> FindSettingsErrors(this WebApplicationBuilder builder) =>
    [
        .. builder.Configuration[SettingsDirectory] is { } directory && !Directory.Exists(directory)
            ? [$"{SettingsDirectory}: '{directory}' is not a folder."]
            : Array.Empty<string>(),
        .. builder.Services
            .Select(service => service.ImplementationInstance)
            .OfType<Section>()
            .SelectMany(section => section.FindErrors(builder.Configuration.GetSection(section.Name))),
    ];

    private sealed record Section(string Name, Func<object> Create)
    {
        public IEnumerable<string> FindErrors(IConfigurationSection values)
        {
            var options = Create();
            var unreadable = options.GetType().GetProperties().Where(property => !IsReadable(property, values[property.Name])).ToArray();

            // What cannot be read is left out, so that the rest can be bound and checked too.
            var readable = values.AsEnumerable(makePathsRelative: true).Where(value => unreadable.All(property => property.Name != value.Key));
            new ConfigurationBuilder().AddInMemoryCollection(readable).Build().Bind(options);
            var invalid = new List<ValidationResult>();
            var context = new ValidationContext(options);
            if (!Validator.TryValidateObject(options, context, invalid, validateAllProperties: true) && options is IValidatableObject rules)
            {
                // The validator stops at the attributes; the rules may have more to say, or have said it already.
                invalid.AddRange(rules.Validate(context).ExceptBy(invalid.Select(result => result.ErrorMessage), result => result.ErrorMessage));
            }

            return unreadable
                .Select(property => $"{Name}__{property.Name}: '{values[property.Name]}' is not a {property.PropertyType.Name}.")
                .Concat(invalid.Select(result => $"{Name}__{result.MemberNames.FirstOrDefault()}: {result.ErrorMessage}"));
        }

        private static bool IsReadable(PropertyInfo property, string? value) =>
            value is null
            || TypeDescriptor.GetConverter(property.PropertyType) is var converter
            && (!converter.CanConvertFrom(typeof(string)) || converter.IsValid(value));
    }
}
