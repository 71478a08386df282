using System.Diagnostics;
using Microsoft.Extensions.Options;
using Platform.Contracts;

namespace Ingress.Api.Publishing;

/// <summary>
/// Reports which publishes were confirmed and what was answered, every <see cref="AccountingOptions.ReportInterval"/> and once more at the end. A report that
/// gets lost is repeated by the next one. It bypasses the <see cref="EventPublisher"/>: its failure must not open the breaker.
/// </summary>
internal sealed partial class ConfirmReporter(
    PublishNumbers numbers,
    PublishQueue queue,
    IngressMetrics metrics,
    IOptions<AccountingOptions> options,
    TimeProvider time,
    ILogger<ConfirmReporter> logger) : BackgroundService
{
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(1);

    private static readonly AnswerCounts NoAnswers = new() { Accepted = 0, Late = 0, Quarantined = 0, Refused = 0, Unavailable = 0 };

    private readonly DateTimeOffset _startedAt = time.GetUtcNow();
    private readonly ConfirmedPrefix _confirmed = new();

    // A stop may come during a report, and more than once.
    private readonly Lock _lock = new();

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await ReportAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await Task.Delay(options.Value.ReportInterval, time, stoppingToken);
            await ReportAsync(stoppingToken);
        }
    }

    private async Task ReportAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        // The same again while nothing is accepted: the message before may have been lost with its queue.
        if (CreateReport(now) is not { } report)
        {
            return;
        }

        var publish = new PendingPublish(Envelope.Create(Guid.CreateVersion7(now), report, now), CreateUnrecordedTrace());
        if (queue.TryAdd(publish))
        {
            await ((Task)publish.Answer.WaitAsync(AnswerTimeout, cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            publish.GiveUp();
            if (publish.Answer is { IsCompletedSuccessfully: true, Result.Result: PublishResult.Confirmed })
            {
                LogReported(logger, report.Through);
            }
        }
    }

    /// <returns>Null when no webhook has come yet.</returns>
    private PublishesConfirmed? CreateReport(DateTimeOffset now)
    {
        lock (_lock)
        {
            foreach (var settled in numbers.Take())
            {
                _confirmed.Add(settled);
            }

            var answers = metrics.ReadAnswers();
            return _confirmed.Through == 0 && answers == NoAnswers ? null : new PublishesConfirmed
            {
                Source = numbers.Source,
                Instance = Environment.MachineName,
                StartedAt = _startedAt,
                ReportedAt = now,
                After = _confirmed.After,
                Through = _confirmed.Through,
                Unconfirmed = _confirmed.Unconfirmed,
                Answers = answers,
            };
        }
    }

    // Without a context, a worker would begin a trace of its own for every report.
    private static string CreateUnrecordedTrace() => $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-00";

    [LoggerMessage(LogLevel.Debug, "Reported the publishes up to number {Through}")]
    private static partial void LogReported(ILogger logger, long through);
}
