using System.Text;
using Platform.Tests;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Tests;

/// <summary>What each answer of Magic Hour's API says about a job.</summary>
public sealed class FindingTests
{
    private const string Downloads = """,   "downloads":[{"url":"https://v/1.mp4?sig=1"}]""";

    [Theory]
    [InlineData("queued", "", nameof(FindingKind.Queued))]
    [InlineData("rendering", "", nameof(FindingKind.Rendering))]
    [InlineData("complete", Downloads, nameof(FindingKind.Completed))]
    [InlineData("complete", ""","download":{"url":"https://v/1.mp4"}""", nameof(FindingKind.Completed))]
    [InlineData("error", "", nameof(FindingKind.Failed))]
    [InlineData("canceled", "", nameof(FindingKind.Canceled))]
    public void A_project_has_the_state_that_its_status_names(string status, string more, string kind)
    {
        var finding = From(200, ScriptedMagicHour.Project("j", status, more));

        Assert.Equal((kind, true), ($"{finding.Kind}", finding.IsDescribed));
    }

    [Theory]
    [InlineData("draft", "", nameof(FindingKind.Unknown))]
    [InlineData("paused", "", nameof(FindingKind.Unknown))]
    [InlineData("COMPLETE", Downloads, nameof(FindingKind.Unknown))]
    [InlineData("complete", "", nameof(FindingKind.Incomplete))]
    [InlineData("complete", ""","downloads":[]""", nameof(FindingKind.Incomplete))]
    [InlineData("complete", ""","downloads":[{"url":null}],"download":null""", nameof(FindingKind.Incomplete))]
    [InlineData("queued", ""","enabled":null""", nameof(FindingKind.Queued))]
    public void Nothing_is_an_end_by_guess(string status, string more, string kind) =>
        Assert.Equal(kind, $"{From(200, ScriptedMagicHour.Project("j", status, more)).Kind}");

    [Theory]
    [InlineData("queued", "", nameof(FindingKind.Canceled))]
    [InlineData("rendering", "", nameof(FindingKind.Canceled))]
    [InlineData("paused", "", nameof(FindingKind.Canceled))]
    [InlineData("error", "", nameof(FindingKind.Failed))]
    [InlineData("complete", Downloads, nameof(FindingKind.Completed))]
    [InlineData("complete", "", nameof(FindingKind.Completed))]
    public void A_deleted_project_is_over_and_keeps_the_end_it_had(string status, string more, string kind) =>
        Assert.Equal(kind, $"{From(200, ScriptedMagicHour.Project("j", status, more + ""","enabled":false""")).Kind}");

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"id":"j","status":"comp""")]
    [InlineData("""{"id":"j"}""")]
    [InlineData("""{"id":"j","status":7}""")]
    [InlineData("""{"id":"other","status":"canceled"}""")]
    [InlineData("""{"status":"canceled"}""")]
    [InlineData("""{"id":"j","status":"queued","status":"canceled"}""")]
    public void An_answer_that_is_not_this_project_says_nothing(string body) => Assert.Equal(FindingKind.Unavailable, From(200, body).Kind);

    [Theory]
    [InlineData(404, """{"message":"Not Found"}""", nameof(FindingKind.NotFound))]
    [InlineData(404, """{"code":"not_found","message":"Not Found"}""", nameof(FindingKind.NotFound))]
    [InlineData(404, "<html>404</html>", nameof(FindingKind.Unavailable))]
    [InlineData(404, "", nameof(FindingKind.Unavailable))]
    [InlineData(400, """{"code":"invalid_request","message":"Invalid id"}""", nameof(FindingKind.Refused))]
    [InlineData(400, "Bad Request", nameof(FindingKind.Unavailable))]
    [InlineData(401, """{"message":"Unauthorized"}""", nameof(FindingKind.KeyRejected))]
    [InlineData(402, """{"code":"subscription_required","message":"Payment required"}""", nameof(FindingKind.KeyRejected))]
    [InlineData(403, "", nameof(FindingKind.KeyRejected))]
    [InlineData(429, "", nameof(FindingKind.Throttled))]
    [InlineData(302, "", nameof(FindingKind.Unavailable))]
    [InlineData(500, """{"code":"internal_server_error","message":"Oops"}""", nameof(FindingKind.Unavailable))]
    [InlineData(502, "", nameof(FindingKind.Unavailable))]
    [InlineData(503, "", nameof(FindingKind.Unavailable))]
    [InlineData(0, "", nameof(FindingKind.Unavailable))]
    public void A_refusal_concerns_the_job_the_key_or_the_API(int status, string body, string kind) =>
        Assert.Equal((kind, false), ($"{From(status, body).Kind}", From(status, body).IsDescribed));

    private static Finding From(int status, string body) => Finding.From(new ProjectAnswer(status, Encoding.UTF8.GetBytes(body)), "j");
}
