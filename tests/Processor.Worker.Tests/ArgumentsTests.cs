using Microsoft.Extensions.Configuration;
using Processor.Worker.Release;

namespace Processor.Worker.Tests;

public sealed class ArgumentsTests
{
    private const string Id = "9393771b-625c-52d4-aacd-14b7678086ad";
    private const string BodyHash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private const string OtherHash = "FEDCBA9876543210fedcba9876543210FEDCBA9876543210fedcba9876543210";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Whatever_is_written_is_understood_or_refused_in_one_line(int seed)
    {
        string[] words =
        [
            "migrate", "--plan", "release", "retention", "rebuild", "--check", "--job", "grow", "--version", "--roles", "consume", "notify,api", "--error", "--dead", "--quarantined", "--dry-run", "--id", Id, BodyHash, "--urls",
            "--environment", "--contentroot", "--applicationname", "--Events:InWork", "-x", "-x:y", "--", "--:", ":", "=", "--=", "--urls=", "--roles=", "--id=", "/x:y", "-=1",
            "", " ", "http://*:0", "http://", "http://[::1", "http://h:99999999999", "https://h/path", "nonsense", ";", "/", "40,5", "a\nb", "\u2028", "é", new string('x', 5_000),
        ];
        var random = new Random(seed);

        for (var i = 0; i < 20_000; i++)
        {
            string[] args = [.. Enumerable.Range(0, random.Next(6)).Select(_ => words[random.Next(words.Length)])];
            var isUnderstood = Arguments.TryParse(args, out var parsed, out var error);
            Assert.NotEqual(isUnderstood, error.Length > 0);
            Assert.DoesNotContain(error, char.IsControl);
            // The first thing that the host does.
            new ConfigurationBuilder().AddCommandLine(isUnderstood ? parsed.Host : []).Build();
        }
    }

    [Theory]
    [InlineData(true, "migrate", "--plan")]
    [InlineData(true, "--plan", "migrate", "--urls", "http://*:1")]
    [InlineData(false, "migrate")]
    public void Migrate_may_only_plan(bool isDryRun, params string[] arguments)
    {
        Assert.True(Arguments.TryParse(arguments, out var parsed, out _));
        Assert.Equal((Verb.Migrate, isDryRun), (parsed.Verb, parsed.IsDryRun));
    }

    [Theory]
    [InlineData("--plan")]
    [InlineData("migrate", "--Plan")]
    [InlineData("migrate", "--plan=true")]
    [InlineData("release", "--error", "--plan")]
    public void Whatever_else_is_planned_is_refused(params string[] arguments)
    {
        Assert.False(Arguments.TryParse(arguments, out _, out var error));
        Assert.NotEmpty(error);
    }

    [Theory]
    [InlineData(Roles.All)]
    [InlineData(Roles.Consume, "--roles", "consume")]
    [InlineData(Roles.Notify | Roles.Api, "--roles", "notify, api")]
    [InlineData(Roles.Notify, "--roles=notify")]
    [InlineData(Roles.Reconcile, "--roles", "reconcile")]
    [InlineData(Roles.Archive, "--roles", "archive")]
    public void Roles_are_all_unless_some_are_named(object expected, params string[] arguments)
    {
        Assert.True(Arguments.TryParse([.. arguments, "--urls", "http://*:1"], out var parsed, out _));
        Assert.Equal(expected, parsed.Roles);
        Assert.Equal(["--urls", "http://*:1"], parsed.Host);
    }

    [Theory]
    [InlineData(PlaceName.Error, false, new[] { Id }, "--error", "--id", Id)]
    [InlineData(PlaceName.Dead, true, new string[0], "--dry-run", "--dead")]
    [InlineData(PlaceName.Registrations, false, new[] { Id }, "--registrations", "--id", Id)]
    [InlineData(PlaceName.Notifications, false, new[] { "email:completed:a:b" }, "--notifications", "--id", "email:completed:a:b")]
    [InlineData(PlaceName.Quarantined, false, new[] { BodyHash, OtherHash }, "--id", BodyHash, "--quarantined", "--id", OtherHash)]
    public void Release_needs_a_place_and_a_choice(object source, bool isDryRun, string[] ids, params string[] options)
    {
        Assert.True(Arguments.TryParse(["release", .. options], out var parsed, out _));
        Assert.Equal(((Verb?)Verb.Release, (PlaceName)source, isDryRun), (parsed.Verb, parsed.Release!.Source, parsed.Release.IsDryRun));
        Assert.Equal(ids, parsed.Release.Ids.Order(StringComparer.OrdinalIgnoreCase));
        Assert.Equal(ids.Length == 0, parsed.Release.Includes(Parked("another")));
        Assert.All(ids, id => Assert.True(parsed.Release.Includes(Parked(id.ToUpperInvariant()))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true, "--dry-run")]
    public void Retention_drops_or_only_counts(bool isDryRun, params string[] options)
    {
        Assert.True(Arguments.TryParse(["retention", .. options], out var parsed, out _));
        Assert.Equal((Verb.Retention, isDryRun), (parsed.Verb, parsed.IsDryRun));
    }

    [Theory]
    [InlineData("--dryrun")]
    [InlineData("--dry-run", "bodies")]
    public void An_option_that_retention_does_not_have_is_refused(params string[] options)
    {
        Assert.False(Arguments.TryParse(["retention", .. options], out _, out var error));
        Assert.Equal($"retention has no option '{options[^1]}'.", error);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(null, true, "--check")]
    [InlineData("j", true, "--job", "j", "--check")]
    [InlineData("j", false, "--job", "j")]
    public void Rebuild_compares_or_writes_all_jobs_or_one(string? jobId, bool isCheck, params string[] options)
    {
        Assert.True(Arguments.TryParse(["rebuild", .. options], out var parsed, out _));
        Assert.Equal((Verb.Rebuild, jobId, isCheck), (parsed.Verb, parsed.Rebuild!.JobId, parsed.Rebuild.IsCheck));
    }

    [Theory]
    [InlineData("rebuild has no option '--chekc'.", "--chekc")]
    [InlineData("rebuild has no option 'j'.", "j")]
    [InlineData("--job takes the id of one job.", "--job")]
    [InlineData("--job takes the id of one job.", "--job", "--check")]
    [InlineData("--job takes the id of one job.", "--job", "a", "--job", "b")]
    public void An_option_that_rebuild_does_not_have_is_refused(string expected, params string[] options)
    {
        Assert.False(Arguments.TryParse(["rebuild", .. options], out _, out var error));
        Assert.Equal(expected, error);
    }

    [Theory]
    [InlineData("migrate", "--urls", "http://*:1")]
    [InlineData("--urls", "http://*:1", "migrate")]
    [InlineData("--urls=http://*:1", "migrate")]
    public void The_verb_may_stand_anywhere(params string[] arguments)
    {
        Assert.True(Arguments.TryParse(arguments, out var parsed, out _));
        Assert.Equal(Verb.Migrate, parsed.Verb);
        Assert.Equal(["--urls", "http://*:1"], parsed.Host);
    }

    [Theory]
    [InlineData("--version")]
    [InlineData("--VERSION")]
    public void Version_is_a_verb_although_it_is_written_as_an_option(string argument)
    {
        Assert.True(Arguments.TryParse([argument], out var parsed, out _));
        Assert.Equal(Verb.Version, parsed.Verb);
    }

    [Theory]
    [InlineData("--version", "migrate")]
    [InlineData("migrate", "--version")]
    [InlineData("--roles", "api", "--version")]
    [InlineData("--version=1")]
    public void Version_is_rejected_beside_other_arguments(params string[] arguments)
    {
        Assert.False(Arguments.TryParse(arguments, out _, out var error));
        Assert.Equal("--version is used alone, without a value.", error);
    }

    [Theory]
    [InlineData("http://*:8081;")]
    [InlineData("http://*:8081; http://[::1]:8082 ;")]
    public void Addresses_may_be_separated_as_in_the_environment(string urls)
    {
        Assert.True(Arguments.TryParse(["--urls", urls], out var parsed, out var error), error);
        Assert.Equal(["--urls", urls], parsed.Host);
    }

    [Fact]
    public void A_setting_may_be_an_argument()
    {
        Assert.True(Arguments.TryParse(["--Events:InWork=5"], out var parsed, out _));
        Assert.Equal(["--Events:InWork", "5"], parsed.Host);
    }

    private static ParkedNotification Parked(string id) => new()
    {
        Id = id,
        MessageId = null,
        EventType = "job.completed",
        JobId = "j",
        Reason = "none",
        ParkedAt = null,
        IsUsable = true,
        Key = ("j", "completed", "email"),
        DecidedAt = default,
    };
}
