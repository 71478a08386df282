using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Processor.Worker.Downloads;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>The notification services, with a clock that the test controls.</summary>
internal sealed class NotificationHarness(TestDatabase database) : IDisposable
{
    public const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly ServiceProvider _metrics = new ServiceCollection().AddMetrics().BuildServiceProvider();

    private NotificationSettler? _settler;

    public FakeTimeProvider Time { get; } = new(TimeProvider.System.GetUtcNow());

    public FakeLogCollector SettlerLog { get; } = new();

    public FakeLogCollector ChannelLog { get; } = new();

    public NotificationQueue Queue => new(database.Source, Time, NullLogger<NotificationQueue>.Instance);

    /// <summary>For many targets at the address of one receiver (<see cref="Owners.UrlOfTarget"/>).</summary>
    public WebhookChannel WebhooksToLoopback() => Webhooks((_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]), "127.0.0.0/8");

    public WebhookChannel Webhooks(params string[] allowedTargets) => Webhooks(Dns.GetHostAddressesAsync, allowedTargets);

    public WebhookChannel Webhooks(ResolveHost resolve, params string[] allowedTargets) =>
        Webhooks(new OutgoingWebhookOptions { Secrets = [Secret], AllowedTargets = allowedTargets }, resolve);

    public WebhookChannel Webhooks(OutgoingWebhookOptions settings) => Webhooks(settings, Dns.GetHostAddressesAsync);

    private WebhookChannel Webhooks(OutgoingWebhookOptions settings, ResolveHost resolve)
    {
        var options = Options.Create(settings);
        return new WebhookChannel(options, new TargetGuard(options, resolve), Time, new FakeLogger<WebhookChannel>(ChannelLog));
    }

    public EmailChannel Email(
        int port, EmailSecurity security = EmailSecurity.None, string user = "", string from = "Studio <studio@example.com>") =>
        new(Options.Create(EmailOptions(port, security, user, from)), Time);

    public static EmailOptions EmailOptions(
        int port, EmailSecurity security = EmailSecurity.None, string user = "", string from = "Studio <studio@example.com>") =>
        new() { Host = "127.0.0.1", Port = port, Security = security, User = user, Password = user, From = from };

    public NotificationSettler Settler => _settler ??= new NotificationSettler(
        Queue, Metrics, Time, new FakeLogger<NotificationSettler>(SettlerLog));

    private ProcessorMetrics Metrics => new(_metrics.GetRequiredService<IMeterFactory>());

    public NotificationDispatcher Dispatch(INotificationChannel channel, NotificationOptions? options = null) => new(
        channel,
        Queue,
        Settler,
        new NotificationDownloads(
            new FreshDownloads(new DownloadRefreshes(database.Source, Time), Time), ArchiveLab.NoLinks(database), Time, NullLogger<NotificationDownloads>.Instance),
        // Only a dispatcher that runs by itself waits for it.
        gate: null!,
        Options.Create(options ?? new NotificationOptions()),
        Metrics,
        Time,
        NullLogger<NotificationDispatcher>.Instance);

    /// <summary>Sends all notifications that are due.</summary>
    /// <returns>The number of attempts.</returns>
    public static async Task<int> SendDueAsync(NotificationDispatcher dispatcher)
    {
        var all = 0;
        while (await dispatcher.BeginDueAsync(TestContext.Current.CancellationToken) is var begun and > 0)
        {
            all += begun;
            await dispatcher.FinishAsync();
        }

        return all;
    }

    /// <summary>Advances the clock to the next attempt in the table.</summary>
    /// <returns>The time that it advanced.</returns>
    public async Task<TimeSpan> TurnToNextAttemptAsync()
    {
        await using var command = database.Source.CreateCommand("select min(next_attempt_at) from notifications where status in ('pending', 'sending')");
        var next = (DateTime)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        var gap = next - Time.GetUtcNow().UtcDateTime;
        // The table stores microseconds.
        Time.Advance(gap + TimeSpan.FromMicroseconds(1));
        return gap;
    }

    public static NotificationDelivery NotificationDelivery(string address, string? name = "A", JobStatus outcome = JobStatus.Completed) => new()
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
