using System.Net;
using Ingress.Api.Publishing;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.DevStack;

namespace Ingress.Api.Tests;

/// <summary>The ingress numbers its publishes, and reports those that were confirmed: never more.</summary>
public sealed class ReportingPublishesTests
{
    private static readonly byte[] Completed = Samples.Read("video.completed.json");
    private static readonly Guid Identity = EventIdentity.Create("video.completed", "cmj86i5yy006x4m0z6znwowjb");

    [Fact]
    public void A_prefix_ends_before_the_first_publish_that_is_not_settled()
    {
        var prefix = new ConfirmedPrefix();

        Add(prefix, [1, 2, 5, 4], isConfirmed: true);
        Assert.Equal((0, 2), (prefix.After, prefix.Through));
        Add(prefix, [3], isConfirmed: true);

        Assert.Equal((0, 5), (prefix.After, prefix.Through));
        Assert.Empty(prefix.Unconfirmed);
    }

    [Fact]
    public void What_was_not_confirmed_is_excepted_and_only_as_far_as_the_prefix_goes()
    {
        var prefix = new ConfirmedPrefix();

        Add(prefix, [2, 3, 8], isConfirmed: false);
        Add(prefix, [1, 4], isConfirmed: true);
        Assert.Equal(4, prefix.Through);
        Assert.Equal([new NumberRange(2, 3)], prefix.Unconfirmed);
        Add(prefix, [7, 6, 5], isConfirmed: true);

        Assert.Equal(8, prefix.Through);
        Assert.Equal([new(2, 3), new(8, 8)], prefix.Unconfirmed);
    }

    [Fact]
    public void With_too_many_exceptions_nothing_is_said_about_the_oldest()
    {
        var prefix = new ConfirmedPrefix(most: 2);

        Add(prefix, [1, 3, 5, 7], isConfirmed: false);
        Add(prefix, [2, 4, 6, 8], isConfirmed: true);

        Assert.Equal((3, 8), (prefix.After, prefix.Through));
        Assert.Equal([new(5, 5), new(7, 7)], prefix.Unconfirmed);
    }

    [Fact]
    public void Numbers_taken_by_many_threads_have_no_gaps_and_each_is_reported_once()
    {
        var numbers = new PublishNumbers();

        Parallel.For(0, 10_000, _ => numbers.Settle(numbers.Next(), isConfirmed: true));

        Assert.Equal(Enumerable.Range(1, 10_000).Select(number => (long)number), numbers.Take().Select(one => one.Number).Order());
        Assert.Empty(numbers.Take());
    }

    [Fact]
    public async Task Stops_that_come_together_report_each_publish_without_a_failure()
    {
        await using var app = new IngressApp();
        // Another than the host's, whose end would end the host.
        using var reporter = ActivatorUtilities.CreateInstance<ConfirmReporter>(app.Services);
        var numbers = app.Services.GetRequiredService<PublishNumbers>();

        await Parallel.ForAsync(0, 4000, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = TestContext.Current.CancellationToken }, async (i, token) =>
        {
            numbers.Settle(numbers.Next(), isConfirmed: i % 2 == 0);
            if (i % 8 == 0)
            {
                await reporter.StopAsync(token);
            }
        });
        await reporter.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(4000, app.Broker.Messages<PublishesConfirmed>().Max(report => report.Through));
    }

    [Fact]
    public async Task A_report_says_which_publishes_were_answered_with_success()
    {
        await using var app = new IngressApp();
        var answers = new Queue<PublishAnswer>([PublishAnswer.Confirmed, PublishAnswer.Refused, PublishAnswer.Confirmed]);
        app.Broker.Answer = _ => Task.FromResult(answers.Count > 0 ? answers.Dequeue() : PublishAnswer.Confirmed);
        HttpStatusCode[] statuses = [(await app.SendAsync(Completed)).StatusCode, (await app.SendAsync(Completed)).StatusCode, (await app.SendAsync("[]"u8.ToArray())).StatusCode];

        var report = await NextReportAsync(app);

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, HttpStatusCode.BadRequest], statuses);
        Assert.Equal(new AnswerCounts { Accepted = 1, Late = 0, Quarantined = 1, Refused = 0, Unavailable = 1 }, report.Answers);
        Assert.Equal((0, 3), (report.After, report.Through));
        Assert.Equal([new NumberRange(2, 2)], report.Unconfirmed);
        Assert.Equal(
            [new(report.Source, 1), new(report.Source, 2), new PublishNumber(report.Source, 3)],
            [
                .. app.Broker.Messages<WebhookReceived>().Select(one => PublishNumber.FromDeliveryId(one.DeliveryId)!.Value),
                PublishNumber.FromDeliveryId(Assert.Single(app.Broker.Messages<WebhookQuarantined>()).DeliveryId)!.Value,
            ]);
    }

    [Fact]
    public async Task An_ingress_reports_that_it_refuses_all_and_nothing_before_a_webhook_comes()
    {
        await using var app = new IngressApp();
        for (var i = 0; i < 3; i++)
        {
            app.Time.Advance(TimeSpan.FromSeconds(10));
        }

        using var refused = await app.SendAsync(Completed, secret: "wrong");

        await NextReportAsync(app);

        Assert.All(Reports(app), report =>
        {
            Assert.Equal((0, 0), (report.After, report.Through));
            Assert.Equal(new AnswerCounts { Accepted = 0, Late = 0, Quarantined = 0, Refused = 1, Unavailable = 0 }, report.Answers);
        });
    }

    [Fact]
    public async Task A_publish_that_is_not_answered_yet_is_not_in_the_report()
    {
        await using var app = new IngressApp(("Accounting:ReportInterval", "00:00:01"));
        var release = new TaskCompletionSource<PublishAnswer>();
        using var first = await app.SendAsync(Completed);
        app.Broker.Answer = message => message.MessageId == Identity ? release.Task : Task.FromResult(PublishAnswer.Confirmed);
        var second = app.SendAsync(Completed);
        await Waiting.UntilAsync("both are published", () => Task.FromResult(app.Broker.Published.Count == 2), TestContext.Current.CancellationToken);

        app.Time.Advance(TimeSpan.FromSeconds(1));
        await Waiting.UntilAsync("a report", () => Task.FromResult(Reports(app).Length > 0), TestContext.Current.CancellationToken);
        release.SetResult(PublishAnswer.Confirmed);

        Assert.Equal(HttpStatusCode.OK, (await second).StatusCode);
        Assert.Equal(1, Reports(app)[0].Through);
        Assert.Equal(2, (await NextReportAsync(app)).Through);
    }

    private static void Add(ConfirmedPrefix prefix, long[] numbers, bool isConfirmed) =>
        Array.ForEach(numbers, number => prefix.Add(new SettledPublish(number, isConfirmed)));

    private static PublishesConfirmed[] Reports(IngressApp app) => app.Broker.Messages<PublishesConfirmed>();

    /// <summary>Advances the clock until there is one.</summary>
    private static async Task<PublishesConfirmed> NextReportAsync(IngressApp app)
    {
        var before = Reports(app).Length;
        await Waiting.UntilAsync(
            "a report",
            () =>
            {
                app.Time.Advance(TimeSpan.FromSeconds(10));
                return Task.FromResult(Reports(app).Length > before);
            },
            TestContext.Current.CancellationToken);
        return Reports(app)[^1];
    }
}
