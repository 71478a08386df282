using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Ingress.Api.Publishing;
using Ingress.Api.Webhooks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Platform.ServiceDefaults.Hosting;
using Platform.ServiceDefaults.Telemetry;

namespace Ingress.Api.Tests;

/// <summary>Dashboards and alerts refer to the metrics by name, unit and label.</summary>
public sealed class MetricsTests
{
    [Fact]
    public async Task The_metrics_are_these_and_no_others()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);

        Assert.Equal(
            [
                ("broker.connection.state", null),
                ("broker.publish.duration", "s"),
                ("broker.publishes.failed", "{message}"),
                ("broker.publishes.in_flight", "{message}"),
                ("broker.publishes.not_tried", "{message}"),
                ("broker.publishes.unconfirmed", "{message}"),
                ("broker.watchdog.stalled", null),
                ("http.connections.shed", "{connection}"),
                ("http.requests.rejected", "{request}"),
                ("telemetry.dropped", null),
                ("webhook.bodies.shed", "{request}"),
                ("webhook.delivery_age", "s"),
                ("webhook.secret_matched", null),
                ("webhook.signature_failures", null),
                ("webhook_processing", "s"),
                ("webhooks_received", null),
            ],
            measured.Instruments.Values.OrderBy(one => one.Name, StringComparer.Ordinal).Select(one => (one.Name, one.Unit)));
    }

    [Fact]
    public async Task Labels_come_from_closed_sets()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);
        var metrics = app.Services.GetRequiredService<IngressMetrics>();

        ForEach<WebhookOutcome>(outcome => metrics.Received("video.completed", outcome, TimeSpan.Zero));
        metrics.Received("of a stranger's choice", WebhookOutcome.Accepted, TimeSpan.Zero);
        ForEach<PublishResult>(result => metrics.Published(result, TimeSpan.Zero));
        ForEach<PublishObstacle>(metrics.PublishNotTried);
        Array.ForEach([400, 405, 408, 414, 431, 505, 418, 500], metrics.RequestRejected);
        ForEach<ShedReason>(metrics.BodyShed);
        metrics.ConnectionShed();
        ForEach<TelemetrySignal>(signal => app.Services.GetRequiredService<DroppedTelemetry>().Add(signal, 1, "collector unreachable"));
        metrics.SecretMatched(WebhookSecret.Create("0", IngressApp.Secret), TimeSpan.Zero);
        ForEach<Verification>(verification =>
        {
            if (verification is not (Verification.NotChecked or Verification.Valid or Verification.Late))
            {
                metrics.SignatureFailed(verification);
            }
        });
        measured.Observe();

        Assert.Equal(
            [
                "broker.connection.state{state=available}", "broker.connection.state{state=away}", "broker.connection.state{state=blocked}",
                "broker.connection.state{state=queue_missing}", "broker.connection.state{state=unknown}",
                "broker.publish.duration{result=confirmed}", "broker.publish.duration{result=lost}", "broker.publish.duration{result=refused}",
                "broker.publish.duration{result=returned}", "broker.publish.duration{result=timed_out}",
                "broker.publishes.failed{result=lost}", "broker.publishes.failed{result=refused}",
                "broker.publishes.failed{result=returned}", "broker.publishes.failed{result=timed_out}",
                "broker.publishes.in_flight{}",
                "broker.publishes.not_tried{reason=breaker_open}", "broker.publishes.not_tried{reason=broker_away}",
                "broker.publishes.not_tried{reason=too_many}",
                "broker.publishes.unconfirmed{}", "broker.watchdog.stalled{}",
                "http.connections.shed{}",
                "http.requests.rejected{status=400}", "http.requests.rejected{status=405}", "http.requests.rejected{status=408}",
                "http.requests.rejected{status=414}", "http.requests.rejected{status=431}", "http.requests.rejected{status=505}",
                "http.requests.rejected{status=other}",
                "telemetry.dropped{signal=log_records}", "telemetry.dropped{signal=spans}",
                "webhook.bodies.shed{reason=budget_exhausted}", "webhook.bodies.shed{reason=timed_out}",
                "webhook.delivery_age{}", "webhook.secret_matched{secret=0}",
                "webhook.signature_failures{reason=in_the_future}", "webhook.signature_failures{reason=late}",
                "webhook.signature_failures{reason=malformed}", "webhook.signature_failures{reason=too_old}",
                "webhook.signature_failures{reason=wrong_signature}",
                "webhook_processing{}",
                "webhooks_received{event_type=other,outcome=accepted}",
                "webhooks_received{event_type=video.completed,outcome=accepted}",
                "webhooks_received{event_type=video.completed,outcome=late}",
                "webhooks_received{event_type=video.completed,outcome=quarantined}",
                "webhooks_received{event_type=video.completed,outcome=refused}",
                "webhooks_received{event_type=video.completed,outcome=unavailable}",
            ],
            measured.Series);
    }

    [Fact]
    public async Task Counters_start_at_zero()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);
        // Start it as the host does. The output of /metrics would include the other services in this process.
        var metrics = app.Services.GetServices<IHostedService>().Where(service => service is IngressMetrics or DroppedTelemetry);

        await Task.WhenAll(metrics.Select(service => service.StartAsync(TestContext.Current.CancellationToken)));

        Assert.All(measured.Series, series => Assert.Equal([0], measured.Of(series)));
        Assert.Equal(
            [
                ("broker.publishes.failed", 4), ("broker.publishes.not_tried", 3), ("http.connections.shed", 1),
                ("http.requests.rejected", 7), ("telemetry.dropped", 2), ("webhook.bodies.shed", 2), ("webhook.signature_failures", 5), ("webhooks_received", 50),
            ],
            measured.Series.CountBy(series => series.Split('{')[0]).Select(counter => (counter.Key, counter.Value)));
    }

    [Fact]
    public async Task Prometheus_sees_the_names_of_the_senders_guide()
    {
        await using var app = new IngressApp();
        using var accepted = await app.SendAsync(Samples.Read("video.completed.json"));
        using var client = app.CreateClient();

        var metrics = await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

        Assert.Matches("""(?m)^webhooks_received_total\{.*event_type="video.completed",outcome="accepted".*\} """, metrics);
        Assert.Matches("""(?m)^webhook_processing_seconds_count\{.*\} """, metrics);
    }

    [Fact]
    public async Task Prometheus_sees_the_version()
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();

        var metrics = await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

        Assert.Matches($$"""(?m)^target_info\{.*service_version="{{Regex.Escape(BuildVersion.Text)}}".*\} """, metrics);
    }

    [Fact]
    public async Task Times_are_measured_to_the_millisecond_and_ages_up_to_the_greatest_accepted()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);

        double[] times = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
        Assert.Equal(times, Buckets("webhook_processing"));
        Assert.Equal(times, Buckets("broker.publish.duration"));
        Assert.Equal([1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 43200, 86400, 90000], Buckets("webhook.delivery_age"));

        IReadOnlyList<double>? Buckets(string name) =>
            Assert.IsType<Histogram<double>>(measured.Instruments[name]).Advice?.HistogramBucketBoundaries;
    }

    private static void ForEach<T>(Action<T> tell)
        where T : struct, Enum => Array.ForEach(Enum.GetValues<T>(), tell);
}
