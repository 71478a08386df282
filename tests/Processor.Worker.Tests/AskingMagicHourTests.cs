using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Platform.Tests;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Tests;

/// <summary>The client of Magic Hour's API, against a server that misbehaves.</summary>
public sealed class AskingMagicHourTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_project_is_read_with_the_key_from_the_path_of_its_kind()
    {
        await using var server = await ScriptedMagicHour.StartAsync(Cancel);
        await using var services = CreateServices(server);
        server.Answer("audio", "a b", ScriptedMagicHour.Completed("a b"));

        var answer = await services.GetRequiredService<MagicHourApi>().GetAsync("audio", "a b", ScriptedMagicHour.Key, isUrgent: false, Cancel);

        Assert.Equal(FindingKind.Completed, Finding.From(answer, "a b").Kind);
        Assert.Equal(["GET /v1/audio-projects/a b"], server.Requests.Select(request => request.Request));
    }

    [Fact]
    public async Task A_wrong_key_is_rejected()
    {
        await using var server = await ScriptedMagicHour.StartAsync(Cancel);
        await using var services = CreateServices(server);

        Assert.Equal(FindingKind.KeyRejected, Finding.From(await AskAsync(services, key: "wrong"), "j").Kind);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData(@"a\b")]
    [InlineData("a?b")]
    [InlineData("a#b")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("")]
    public void An_id_that_would_be_another_path_is_never_asked_for(string id) => Assert.False(MagicHourApi.IsId(id));

    [Fact]
    public async Task A_passing_error_is_asked_again_twice()
    {
        await using var server = await ScriptedMagicHour.StartAsync(Cancel);
        await using var services = CreateServices(server);
        server.Answers["video/j"] = http => ScriptedMagicHour.WriteAsync(
            http, server.Requests.Count < 3 ? 502 : 200, ScriptedMagicHour.Project("j", "rendering"));

        Assert.Equal(FindingKind.Rendering, Finding.From(await AskAsync(services), "j").Kind);
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    public async Task An_answer_that_says_when_to_come_back_is_not_asked_again()
    {
        await using var server = await ScriptedMagicHour.StartAsync(Cancel);
        await using var services = CreateServices(server);
        server.Answers["video/j"] = http =>
        {
            http.Response.Headers.RetryAfter = server.Requests.Count == 1 ? "90" : "99999999";
            return ScriptedMagicHour.WriteAsync(http, server.Requests.Count == 1 ? 429 : 503, "{}");
        };

        var (throttled, unavailable) = (await AskAsync(services), await AskAsync(services));

        Assert.Equal((429, TimeSpan.FromSeconds(90)), (throttled.Status, throttled.RetryAfter));
        Assert.Equal((503, TimeSpan.FromHours(1)), (unavailable.Status, unavailable.RetryAfter));
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_the_key_goes_nowhere_else()
    {
        await using var server = await ScriptedMagicHour.StartAsync(Cancel);
        await using var other = await ScriptedMagicHour.StartAsync(Cancel);
        await using var services = CreateServices(server);
        server.Answers["video/j"] = http =>
        {
            http.Response.Redirect($"{other.Url}/v1/video-projects/j");
            return Task.CompletedTask;
        };

        Assert.Equal(302, (await AskAsync(services)).Status);
        Assert.Empty(other.Requests);
    }

    [Fact]
    public async Task An_answer_over_4_MiB_is_no_answer()
    {
        await using var server = await ScriptedMagicHour.StartAsync(Cancel);
        await using var services = CreateServices(server);
        server.Answer("video", "j", ScriptedMagicHour.Project("j", "rendering", $$""","more":"{{new string('x', 5 * 1024 * 1024)}}" """));

        Assert.Equal(ProjectAnswer.None, await AskAsync(services));
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task An_answer_whose_body_hangs_is_no_answer()
    {
        await using var server = await ScriptedMagicHour.StartAsync(Cancel);
        await using var services = CreateServices(server);
        server.Answers["video/j"] = async http =>
        {
            await http.Response.WriteAsync("{", http.RequestAborted);
            await Task.Delay(Timeout.InfiniteTimeSpan, http.RequestAborted);
        };

        Assert.Equal(ProjectAnswer.None, await AskAsync(services));
        Assert.Single(server.Requests);
    }

    private static Task<ProjectAnswer> AskAsync(ServiceProvider services, string key = ScriptedMagicHour.Key) =>
        services.GetRequiredService<MagicHourApi>().GetAsync("video", "j", key, isUrgent: false, Cancel);

    private static ServiceProvider CreateServices(ScriptedMagicHour server) => new ServiceCollection()
        .AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection([new("MagicHourApi:BaseUrl", server.Url)]).Build())
        .AddSingleton<IHostEnvironment>(new HostingEnvironment())
        .AddSingleton(TimeProvider.System)
        .AddLogging()
        .AddMetrics()
        .AddSingleton<ProcessorMetrics>()
        .AddReconciliation()
        .BuildServiceProvider();
}
