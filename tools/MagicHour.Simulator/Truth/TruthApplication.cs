using System.Collections.Concurrent;
using Platform.Simulator.Api;
using Platform.Simulator.MagicHour;
using Platform.Simulator.Storms;
using RabbitMQ.Client.Exceptions;

namespace Platform.Simulator.Truth;

/// <summary>
/// An application: creates jobs at a simulated Magic Hour at a fixed rate, and registers the owner of each by message, again and again until the broker has confirmed it.
/// </summary>
internal sealed class TruthApplication(TruthPlatform platform, TruthSettings settings)
{
    private static readonly TimeSpan ConfirmTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentQueue<(DateTimeOffset At, string JobId, Tool Tool)> _registered = new();

    /// <param name="afterEach">Called after each job.</param>
    public async Task CreateAsync(Func<Task> afterEach, CancellationToken cancellationToken)
    {
        var chance = new Chance(settings.Seed);
        Tool[] tools = [.. ToolCatalog.All];
        using var magicHour = new MagicHourClient(platform.MagicHour);
        await using var registrations = new PatientPublisher(platform);
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1 / settings.Rate));
        for (var i = 0; i < settings.Jobs; i++)
        {
            await timer.WaitForNextTickAsync(cancellationToken);
            var tool = chance.One(tools);
            var jobId = await magicHour.CreateJobAsync(tool.Path, cancellationToken);
            await registrations.RegisterAsync(jobId, tool.Kind, cancellationToken);
            _registered.Enqueue((TimeProvider.System.GetUtcNow(), jobId, tool));
            await afterEach();
        }
    }

    /// <summary>Registers the jobs again that were registered between two times: the platform has forgotten them.</summary>
    /// <returns>How many.</returns>
    public async Task<int> RegisterAgainAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken cancellationToken)
    {
        await using var registrations = new PatientPublisher(platform);
        var forgotten = _registered.Where(one => one.At >= from && one.At <= to).ToArray();
        foreach (var (_, jobId, tool) in forgotten)
        {
            await registrations.RegisterAsync(jobId, tool.Kind, cancellationToken);
        }

        return forgotten.Length;
    }

    /// <summary>Outlasts outages of the broker, and its loss.</summary>
    private sealed class PatientPublisher(TruthPlatform platform) : IAsyncDisposable
    {
        private RegistrationPublisher? _publisher;

        public async Task RegisterAsync(string jobId, string kind, CancellationToken cancellationToken)
        {
            while (!await TryRegisterAsync(jobId, kind, cancellationToken))
            {
                await DisposeAsync();
                await Task.Delay(Pause, cancellationToken);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await (_publisher?.DisposeAsync() ?? ValueTask.CompletedTask);
            _publisher = null;
        }

        private async Task<bool> TryRegisterAsync(string jobId, string kind, CancellationToken cancellationToken)
        {
            try
            {
                _publisher ??= await RegistrationPublisher.ConnectAsync(platform.RabbitMq, cancellationToken);
                await _publisher.RegisterAsync(jobId, kind, platform.Receiver.Url, cancellationToken).WaitAsync(ConfirmTimeout, cancellationToken);
                return true;
            }
            catch (Exception exception) when (exception is RabbitMQClientException or IOException or TimeoutException)
            {
                return false;
            }
        }
    }
}
