using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Reconciliation;

/// <summary>The API key: from a file that may change while the worker runs, or from the settings.</summary>
internal sealed partial class MagicHourKey(
    IOptions<MagicHourApiOptions> options, IHostEnvironment environment, TimeProvider time, ILogger<MagicHourKey> logger)
{
    public static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private string? _current = options.Value.Key.Length > 0 ? options.Value.Key : null;
    private string? _lastError;
    private long? _readAt;

    /// <summary>Null while there is none.</summary>
    public string? Current
    {
        get
        {
            lock (_lock)
            {
                if (options.Value.KeyFile.Length > 0 && (_readAt is not { } readAt || time.GetElapsedTime(readAt) >= PollInterval))
                {
                    _readAt = time.GetTimestamp();
                    Update();
                }

                return _current;
            }
        }
    }

    /// <summary>Returns once there is a key.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        while (Current is null)
        {
            await Task.Delay(PollInterval, time, cancellationToken);
        }
    }

    // Keeps the last valid key while the file is being replaced.
    private void Update()
    {
        var (key, error) = Read(options.Value.KeyFile);
        error ??= SecretText.FindError(key) ?? (environment.IsDevelopment() ? null : DefaultSecrets.FindError(key));
        if (error is null && key != _current)
        {
            _current = key;
            LogChanged(logger);
        }
        else if (error is not null && error != _lastError)
        {
            LogUnusable(logger, error);
        }

        _lastError = error;
    }

    private static (string Key, string? Error) Read(string file)
    {
        try
        {
            return (SecretText.Trim(File.ReadAllText(file)), null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return ("", $"cannot be read: {exception.Message}");
        }
    }

    [LoggerMessage(LogLevel.Information, "Using the key in MagicHourApi__KeyFile")]
    private static partial void LogChanged(ILogger logger);

    [LoggerMessage(LogLevel.Warning, "Keeping the current key of Magic Hour's API, if there is one: MagicHourApi__KeyFile {Error}")]
    private static partial void LogUnusable(ILogger logger, string error);
}
