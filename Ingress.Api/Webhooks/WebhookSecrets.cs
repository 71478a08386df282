using System.Text;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;

namespace Ingress.Api.Webhooks;

/// <summary>One secret that the sender may sign with. The whole text is the key, including its prefix.</summary>
/// <param name="Name">For logs and metrics: the index of the setting, or the name of the file.</param>
internal sealed record WebhookSecret(string Name, byte[] Key)
{
    public static WebhookSecret Create(string name, string secret) => new(name, Encoding.UTF8.GetBytes(secret));

    public bool Equals(WebhookSecret? other) => other is not null && Name == other.Name && Key.AsSpan().SequenceEqual(other.Key);

    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    /// <summary>Prints the name, never the secret.</summary>
    public override string ToString() => Name;
}

/// <summary>The currently active secrets: those from the settings, and those from the mounted folder, which is polled.</summary>
internal sealed partial class WebhookSecrets(
    IOptions<MagicHourOptions> options, IHostEnvironment environment, TimeProvider time, ILogger<WebhookSecrets> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);

    private readonly WebhookSecret[] _configured =
        [.. options.Value.WebhookSecrets.Select((secret, index) => WebhookSecret.Create($"{index}", secret))];

    /// <summary>The secrets as last read: on start, which is before the server accepts requests, and then at every poll.</summary>
    public IReadOnlyList<WebhookSecret> Active { get; private set; } = [];

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        Active = Read() ?? _configured;
        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(PollInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            // Keep the last valid set: an event must not be refused because the folder is being replaced.
            if (Read() is { } active && !active.SequenceEqual(Active))
            {
                LogChanged(logger, string.Join(", ", active.Select(secret => secret.Name)));
                Active = active;
            }
        }
    }

    private WebhookSecret[]? Read()
    {
        var directory = options.Value.WebhookSecretsDirectory;
        if (string.IsNullOrWhiteSpace(directory))
        {
            return _configured;
        }

        var files = SecretFiles.Read(directory, mayBeEmpty: _configured.Length > 0);
        if ((files.Error ?? (environment.IsDevelopment() ? null : files.FindDefaultError())) is { } error)
        {
            LogUnreadable(logger, error);
            return null;
        }

        return [.. _configured, .. files.Secrets];
    }

    [LoggerMessage(LogLevel.Information, "The active webhook secrets are now {Names}")]
    private static partial void LogChanged(ILogger logger, string names);

    [LoggerMessage(LogLevel.Warning, "Keeping the current webhook secrets: MagicHour__WebhookSecretsDirectory {Error}")]
    private static partial void LogUnreadable(ILogger logger, string error);
}

/// <summary>A folder with one secret per file, as Kubernetes mounts it.</summary>
/// <param name="Error">Why the secrets cannot be used; null when they can.</param>
internal sealed record SecretFiles(IReadOnlyList<WebhookSecret> Secrets, string? Error)
{
    /// <param name="mayBeEmpty">True when there are other secrets: removing the last one from the folder then revokes it.</param>
    public static SecretFiles Read(string directory, bool mayBeEmpty)
    {
        try
        {
            var secrets = new List<WebhookSecret>();
            foreach (var file in Directory.EnumerateFiles(directory).Order(StringComparer.Ordinal))
            {
                // Kubernetes keeps the versions of a mounted secret in entries such as "..data".
                if (Path.GetFileName(file) is ['.', ..])
                {
                    continue;
                }

                var secret = SecretText.Trim(File.ReadAllText(file));
                if (SecretText.FindError(secret) is { } error)
                {
                    return new SecretFiles([], $"holds a secret in '{Path.GetFileName(file)}' that {error}");
                }

                secrets.Add(WebhookSecret.Create(Path.GetFileName(file), secret));
            }

            return new SecretFiles(secrets, secrets.Count == 0 && !mayBeEmpty ? "holds no secret." : null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new SecretFiles([], $"cannot be read: {exception.Message}");
        }
    }

    /// <summary>Finds secrets that are not accepted outside of <c>Development</c>; null when there are none.</summary>
    public string? FindDefaultError() => Secrets
        .Select(secret => DefaultSecrets.FindError(Encoding.UTF8.GetString(secret.Key)) is { } error ? $"holds a secret in '{secret.Name}' that {error}" : null)
        .FirstOrDefault(error => error is not null);
}
