using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.Extensions.Options;

namespace Processor.Worker;

/// <summary>Options bound to a section and checked before the service starts: every wrong setting is named, all at once.</summary>
internal static class Settings
{
    /// <summary>Binds a section; the rules are the attributes of the class, and <see cref="IValidatableObject"/> where they concern several.</summary>
    public static void AddSettings<T>(this IServiceCollection services, string section)
        where T : class
    {
        services.AddOptions<T>().BindConfiguration(section);
        services.AddSingleton(new Section(section, typeof(T), provider => provider.GetRequiredService<IOptions<T>>().Value));
    }

    /// <summary>Where to listen when nobody says (<c>--urls</c>, <c>ASPNETCORE_URLS</c>): a default in appsettings.json would win over both.</summary>
    public static void UseDefaultUrl(this WebApplicationBuilder builder, string url)
    {
        if (builder.Configuration[WebHostDefaults.ServerUrlsKey] is null)
        {
            builder.WebHost.UseUrls(url);
        }
    }

    /// <summary>What is wrong, a line for each setting, named as in the environment. Empty when the service may start.</summary>
    public static IReadOnlyList<string> FindSettingsErrors(this IServiceProvider provider)
    {
        var configuration = provider.GetRequiredService<IConfiguration>();
        return [.. provider.GetServices<Section>().SelectMany(section => section.FindErrors(provider, configuration)).Distinct()];
    }

    private sealed record Section(string Name, Type Type, Func<IServiceProvider, object> Bind)
    {
        public IEnumerable<string> FindErrors(IServiceProvider provider, IConfiguration configuration)
        {
            var unreadable = Type.GetProperties().Select(property => FindUnreadable(property, configuration)).OfType<string>().ToArray();
            return unreadable.Length > 0 ? unreadable : FindInvalid(Bind(provider));
        }

        private string? FindUnreadable(PropertyInfo property, IConfiguration configuration)
        {
            var value = configuration[$"{Name}:{property.Name}"];
            var converter = TypeDescriptor.GetConverter(property.PropertyType);
            return value is null || !converter.CanConvertFrom(typeof(string)) || converter.IsValid(value)
                ? null
                : $"{Name}__{property.Name}: '{value}' is not a {property.PropertyType.Name}.";
        }

        private IEnumerable<string> FindInvalid(object options)
        {
            var results = new List<ValidationResult>();
            Validator.TryValidateObject(options, new ValidationContext(options), results, validateAllProperties: true);
            return results.Select(result => $"{Name}__{result.MemberNames.FirstOrDefault()}: {result.ErrorMessage}");
        }
    }
}
