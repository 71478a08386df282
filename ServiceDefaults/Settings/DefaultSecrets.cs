using System.ComponentModel.DataAnnotations;
using System.Text;

namespace Platform.ServiceDefaults.Settings;

/// <summary>
/// Publicly known secrets and passwords: those with which docker-compose.yml, <c>./platform up</c> and the development manifests work
/// without preparation, and the ones that servers are installed with. Services accept them only in the environment <c>Development</c>.
/// </summary>
public static class DefaultSecrets
{
    /// <summary>Part of every secret that this repository contains, so that no list of them is needed.</summary>
    public const string Marker = "local_development_only";

    private const string Error = "is a default that anyone can know, and accepted only where DOTNET_ENVIRONMENT is Development.";

    private static readonly string[] Passwords = ["guest", "platform", "postgres", "rabbitmq", "password", "changeme"];

    /// <summary>
    /// Finds what is wrong with a secret, worded to continue a sentence about it and without the secret; null when it is not a default.
    /// </summary>
    public static string? FindError(string secret) =>
        secret.Contains(Marker, StringComparison.OrdinalIgnoreCase)
        || (OutgoingWebhookSecret.TryRead(secret, out var bytes) && Encoding.UTF8.GetString(bytes).Contains(Marker, StringComparison.OrdinalIgnoreCase))
            ? Error
            : null;

    /// <summary>The same check for a password: servers are installed with a password that equals the user's name.</summary>
    public static string? FindPasswordError(string? user, string? password) =>
        string.IsNullOrEmpty(password) ? null
        : password.Equals(user, StringComparison.OrdinalIgnoreCase) || Passwords.Contains(password, StringComparer.OrdinalIgnoreCase) ? Error
        : FindError(password);
}

/// <summary>Options that contain secrets.</summary>
public interface ISecretOptions
{
    /// <summary>Finds secrets that are defaults. May be called on options that are not valid.</summary>
    IEnumerable<ValidationResult> FindDefaultSecrets();
}
