using System.Text;
using Microsoft.Extensions.Options;

namespace Ingress.Api.Webhooks;

/// <summary>One secret that the sender may sign with. The whole text is the key, prefix included.</summary>
/// <param name="Name">For logs and metrics: the index of the setting, or the name of the file.</param>
internal sealed record WebhookSecret(string Name, byte[] Key)
{
    public static WebhookSecret Of(string name, string secret) => new(name, Encoding.UTF8.GetBytes(secret));

    public bool Equals(WebhookSecret? other) => other is not null && Name == other.Name && Key.AsSpan().SequenceEqual(other.Key);

    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    /// <summary>The name: a secret is never printed.</summary>
    public override string ToString() => Name;
}

/// <summary>The secrets that are active now: those of the settings, and those of the mounted folder, which is polled.</summary>
internal sealed partial class WebhookSecrets(IOptions<MagicHourOptions> options, TimeProvider time, ILogger<WebhookSecrets> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);

    private readonly WebhookSecret[] _configured =
        [.. options.Value.WebhookSecrets.Select((secret, index) => WebhookSecret.Of($"{index}", secret))];

    private WebhookSecret[]? _active;

    public IReadOnlyList<WebhookSecret> Active => _active ??= Read() ?? _configured;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (string.IsNullOrWhiteSpace(options.Value.WebhookSecretsDirectory))
        {
            return;
        }

        using var timer = new PeriodicTimer(PollInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            // The last good set stays: a folder that is being replaced must not refuse a single event.
            if (Read() is { } active && !active.SequenceEqual(Active))
            {
                LogChanged(logger, string.Join(", ", active.Select(secret => secret.Name)));
                _active = active;
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
        if (files.Error is not null)
        {
            LogUnreadable(logger, files.Error);
            return null;
        }

        return [.. _configured, .. files.Secrets];
    }

    [LoggerMessage(LogLevel.Information, "The active webhook secrets are now {Names}")]
    private static partial void LogChanged(ILogger logger, string names);

    [LoggerMessage(LogLevel.Warning, "The webhook secrets stay as they are: MagicHour__WebhookSecretsDirectory {Error}")]
    private static partial void LogUnreadable(ILogger logger, string error);
}

/// <summary>A folder with one secret in each file, as Kubernetes mounts it.</summary>
/// <param name="Error">Why they cannot be used; null when they can.</param>
internal sealed record SecretFiles(IReadOnlyList<WebhookSecret> Secrets, string? Error)
{
    /// <param name="mayBeEmpty">There are other secrets: taking the last one away revokes it.</param>
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

                var secret = File.ReadAllText(file).TrimEnd('\r', '\n');
                if (string.IsNullOrWhiteSpace(secret))
                {
                    return new SecretFiles([], $"holds an empty secret in '{Path.GetFileName(file)}'.");
                }

                secrets.Add(WebhookSecret.Of(Path.GetFileName(file), secret));
            }

            return new SecretFiles(secrets, secrets.Count == 0 && !mayBeEmpty ? "holds no secret." : null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new SecretFiles([], $"cannot be read: {exception.Message}");
        }
    }
}
