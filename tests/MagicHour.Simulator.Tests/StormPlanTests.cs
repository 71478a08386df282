using System.Text;
using System.Text.Json;
using Platform.Simulator.Storms;

namespace Platform.Simulator.Tests;

/// <summary>What a storm is going to send.</summary>
public sealed class StormPlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly StormSettings Settings = new() { Seed = 7, Endpoints = 2 };
    private static readonly StormPlan Plan = StormPlan.Create(Settings, Now);

    public static TheoryData<Irregularity> Irregularities => [.. Enum.GetValues<Irregularity>()];

    [Fact]
    public void The_same_seed_gives_the_same_plan()
    {
        var again = StormPlan.Create(Settings, Now);

        Assert.Equal(Plan.Deliveries, again.Deliveries);
        Assert.Equal(Print(Plan), Print(again));
    }

    [Fact]
    public void Another_seed_gives_another_plan_with_other_jobs()
    {
        var other = StormPlan.Create(Settings with { Seed = 8 }, Now);

        Assert.NotEqual(Plan.Deliveries, other.Deliveries);
        Assert.Empty(Plan.Events.Select(webhook => webhook.JobId).Intersect(other.Events.Select(webhook => webhook.JobId)));
    }

    [Fact]
    public void A_storm_that_is_repeated_has_jobs_of_its_own_whose_last_ten_characters_are_the_same()
    {
        var repeated = StormPlan.Create(Settings, Now.AddSeconds(1));

        Assert.NotEqual(Plan.JobIdPrefix, repeated.JobIdPrefix);
        Assert.Equal(Plan.Deliveries, repeated.Deliveries);
        Assert.Equal(Plan.Events.Select(webhook => webhook.JobId[^10..]), repeated.Events.Select(webhook => webhook.JobId[^10..]));
    }

    [Fact]
    public void Job_ids_look_like_the_senders()
    {
        Assert.All(Plan.Events, webhook => Assert.Matches("^cm[a-z0-9]{23}$", webhook.JobId));
        Assert.All(Plan.Events, webhook => Assert.StartsWith(Plan.JobIdPrefix, webhook.JobId, StringComparison.Ordinal));
    }

    [Fact]
    public void There_are_as_many_events_as_were_asked_for_and_no_identity_twice()
    {
        var wanted = Plan.Events.Where(webhook => webhook.Expected is not Expectation.Refused).ToArray();

        Assert.Equal(Settings.Events, wanted.Length);
        Assert.Equal(wanted.Length, wanted.Select(webhook => webhook.MessageId).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Irregularities))]
    public void Every_irregularity_is_in_it(Irregularity irregularity) =>
        Assert.Contains(Plan.Deliveries, delivery => delivery.Irregularity == irregularity);

    [Fact]
    public void All_nine_types_and_unknown_ones_are_in_it()
    {
        var types = Plan.Events.Where(webhook => webhook.Expected is Expectation.Applied).Select(webhook => webhook.Type).ToHashSet();

        Assert.Superset(
            new HashSet<string>(
                from resource in (string[])["video", "image", "audio"]
                from action in (string[])["started", "completed", "errored"]
                select $"{resource}.{action}"),
            types);
        Assert.Contains("project.deleted", types);
    }

    [Fact]
    public void Ends_come_before_starts_and_without_them()
    {
        var jobs = Plan.Deliveries
            .Where(delivery => Plan.Events[delivery.Event].Expected is Expectation.Applied)
            .GroupBy(delivery => Plan.Events[delivery.Event].JobId, delivery => (Plan.Events[delivery.Event].Type.Split('.')[^1], delivery.At))
            .Select(job => job.GroupBy(sent => sent.Item1).ToDictionary(sent => sent.Key, sent => sent.Min(one => one.At)))
            .ToArray();

        Assert.Contains(jobs, job => job.ContainsKey("started") && job.ContainsKey("completed") && job["completed"] < job["started"]);
        Assert.Contains(jobs, job => job.ContainsKey("completed") && !job.ContainsKey("started"));
        Assert.Contains(jobs, job => job.ContainsKey("completed") && job.ContainsKey("errored"));
    }

    [Fact]
    public void What_is_late_was_signed_hours_ago_and_less_than_a_day()
    {
        var late = Plan.Deliveries.Where(delivery => delivery.Irregularity is Irregularity.Late);

        Assert.All(late, delivery => Assert.InRange(delivery.Age, TimeSpan.FromHours(1), TimeSpan.FromHours(24)));
        Assert.All(late, delivery => Assert.False(delivery.ReSign));
    }

    [Fact]
    public void About_half_of_the_deliveries_are_signed_again() =>
        Assert.InRange(Plan.Deliveries.Count(delivery => delivery.ReSign), Plan.Deliveries.Count * 0.4, Plan.Deliveries.Count * 0.6);

    [Fact]
    public void Jobs_arrive_in_bursts() =>
        Assert.Contains(Plan.Deliveries.CountBy(delivery => delivery.At), moment => moment.Value > 50);

    [Fact]
    public void Every_way_to_be_unusable_is_in_a_large_storm()
    {
        var plan = StormPlan.Create(Settings with { Events = 10_000 }, Now);

        Assert.Equal(
            UnusableBody.All.Select(one => one.Reason).Order(),
            plan.Events.Where(webhook => webhook.IsKeptAside).Select(webhook => webhook.Type).Distinct().Order());
    }

    [Fact]
    public void A_forged_body_is_never_one_that_is_signed_too()
    {
        var forged = Plan.Events.Where(webhook => webhook.Expected is Expectation.Refused).SelectMany(webhook => webhook.BodyHashes);
        var signed = Plan.Events.Where(webhook => webhook.Expected is not Expectation.Refused).SelectMany(webhook => webhook.BodyHashes);

        Assert.NotEmpty(forged);
        Assert.Empty(forged.Intersect(signed));
    }

    [Fact]
    public void Forgeries_stay_below_the_limit_of_failed_signatures()
    {
        var plan = StormPlan.Create(Settings with { Events = 10_000, Rate = 5_000, Forgeries = 0.5 }, Now);

        Assert.InRange(plan.Events.Count(webhook => webhook.Expected is Expectation.Refused), 1, 10);
    }

    [Fact]
    public void Names_are_written_as_JavaScript_writes_them()
    {
        var texts = Plan.Events
            .Where(webhook => webhook.Expected is Expectation.Applied)
            .Select(webhook => Encoding.UTF8.GetString(webhook.Bodies[0]))
            .ToArray();

        Assert.Contains(texts, text => text.Contains("夏の写真 🎬\"", StringComparison.Ordinal));
        Assert.Contains(texts, text => text.Contains(@"half an emoji at the cut \ud83c""", StringComparison.Ordinal));
        Assert.Contains(texts, text => text.Contains(@"\""quoted\"" with a \\ and <b>tags</b> & more", StringComparison.Ordinal));
        Assert.All(texts, text => JsonDocument.Parse(text).Dispose());
    }

    [Fact]
    public void The_bodies_of_one_event_differ()
    {
        var withVariants = Plan.Events.Where(webhook => webhook.Bodies.Count > 1).ToArray();

        Assert.NotEmpty(withVariants);
        Assert.All(withVariants, webhook => Assert.Equal(webhook.Bodies.Count, webhook.BodyHashes.Distinct().Count()));
    }

    private static IEnumerable<string> Print(StormPlan plan) =>
        plan.Events.Select(webhook => $"{webhook} {webhook.Expected} {string.Join(' ', webhook.BodyHashes)}");
}
