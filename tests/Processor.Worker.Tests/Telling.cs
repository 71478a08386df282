using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>What tells owners, with a clock that the test turns.</summary>
internal sealed class Telling(TestDatabase database) : IDisposable
{
    public const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly ServiceProvider _metrics = new ServiceCollection().AddMetrics().BuildServiceProvider();

    private NotificationSettler? _settler;

    public FakeTimeProvider Time { get; } = new(TimeProvider.System.GetUtcNow());

    public FakeLogCollector SettlerLog { get; } = new();

    public NotificationQueue Queue => new(database.Source, Time);

    public WebhookChannel Webhooks(params string[] allowedTargets) => Webhooks(Dns.GetHostAddressesAsync, allowedTargets);

    public WebhookChannel Webhooks(ResolveHost resolve, params string[] allowedTargets)
    {
        var options = Options.Create(new OutgoingWebhookOptions { Secrets = [Secret], AllowedTargets = allowedTargets });
        return new WebhookChannel(options, new TargetGuard(options, resolve), Time);
    }

    public EmailChannel Email(int port) => new(
        Options.Create(new EmailOptions { Host = "127.0.0.1", Port = port, Security = EmailSecurity.None, From = "Studio <studio@example.com>" }), Time);

    public NotificationSettler Settler => _settler ??= new NotificationSettler(
        Queue, Metrics, Time, new FakeLogger<NotificationSettler>(SettlerLog));

    private ProcessorMetrics Metrics => new(_metrics.GetRequiredService<IMeterFactory>());

    public NotificationDispatcher Dispatch(INotificationChannel channel) => new(
        channel,
        Queue,
        Settler,
        // Only a dispatcher that runs by itself waits for it.
        gate: null!,
        Options.Create(new NotificationOptions()),
        Metrics,
        Time,
        NullLogger<NotificationDispatcher>.Instance);

    /// <summary>Tells all that is due now.</summary>
    /// <returns>How many attempts that made.</returns>
    public static async Task<int> TellDueAsync(NotificationDispatcher dispatcher)
    {
        var all = 0;
        while (await dispatcher.BeginDueAsync(TestContext.Current.CancellationToken) is var begun and > 0)
        {
            all += begun;
            await dispatcher.FinishAsync();
        }

        return all;
    }

    /// <summary>Turns the clock to the next attempt, as the table has it.</summary>
    /// <returns>How far that was.</returns>
    public async Task<TimeSpan> TurnToNextAttemptAsync()
    {
        await using var command = database.Source.CreateCommand("select min(next_attempt_at) from notifications where status in ('pending', 'sending')");
        var next = (DateTime)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        var gap = next - Time.GetUtcNow().UtcDateTime;
        // The table keeps microseconds.
        Time.Advance(gap + TimeSpan.FromMicroseconds(1));
        return gap;
    }

    public static Notice Notice(string address, string? name = "A", JobStatus outcome = JobStatus.Completed) => new()
    {
        JobId = "clx123",
        Outcome = outcome,
        Channel = "any",
        Attempt = 1,
        DecidedAt = Deliveries.Noon,
        Address = address,
        UserId = "ada",
        Status = outcome,
        Resource = "video",
        Name = name,
        Downloads = outcome is JobStatus.Completed ? [new VisibleDownload("https://videos.magichour.ai/1.mp4?a=1&t=2", "2026-11-24T12:00:00.000Z")] : [],
        ErrorCode = outcome is JobStatus.Failed ? "no_source_face" : null,
        ErrorMessage = outcome is JobStatus.Failed ? "Please use an image with a detectable face" : null,
    };

    public void Dispose()
    {
        _settler?.Dispose();
        _metrics.Dispose();
    }
}
