using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Platform.DevStack;
using Platform.Simulator.Api;

namespace Platform.Simulator.Tests;

/// <summary>A simulated Magic Hour whose time a test decides, and a client with its key.</summary>
internal sealed class MagicHourLab : IAsyncDisposable
{
    private MagicHourLab(SimulatedMagicHour magicHour, FakeTimeProvider time)
    {
        MagicHour = magicHour;
        Time = time;
        Http = Connect(magicHour.ApiKey);
    }

    public SimulatedMagicHour MagicHour { get; }

    public FakeTimeProvider Time { get; }

    public HttpClient Http { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<MagicHourLab> StartAsync(SimulatedMagicHourOptions? options = null)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 29, 12, 0, 0, TimeSpan.Zero));
        return new MagicHourLab(await SimulatedMagicHour.StartAsync(options ?? new SimulatedMagicHourOptions(), time, Cancel), time);
    }

    /// <summary>One whose events go to an endpoint.</summary>
    public static Task<MagicHourLab> StartAsync(ScriptedEndpoint endpoint) => StartAsync(new SimulatedMagicHourOptions
    {
        Webhook = new WebhookSettings(new Uri($"{endpoint.Target.Url}/webhook"), ScriptedEndpoint.Secret),
    });

    public HttpClient Connect(string? key)
    {
        var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(MagicHour.Url) };
        http.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        return http;
    }

    public async Task<JsonObject> PostAsync(string tool, string body = "{}")
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await Http.PostAsync($"/v1/{tool}", content, Cancel);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonObject>(Cancel))!;
    }

    public async Task<SimulatedJob> CreateAsync(string tool = "text-to-video", JobFate? fate = null)
    {
        if (fate is not null)
        {
            MagicHour.Jobs.Expect(fate);
        }

        var created = await PostAsync(tool);
        return MagicHour.Jobs.TryFind($"{created["id"]}", out var job) ? job : throw new InvalidOperationException("The created job is unknown.");
    }

    public Task<HttpResponseMessage> RequestProjectAsync(SimulatedJob job) => Http.GetAsync($"/v1/{job.Tool.Kind}-projects/{job.Id}", Cancel);

    public async Task<JsonObject> GetProjectAsync(SimulatedJob job) =>
        (await Http.GetFromJsonAsync<JsonObject>($"/v1/{job.Tool.Kind}-projects/{job.Id}", Cancel))!;

    public void PassTo(DateTimeOffset moment)
    {
        if (moment - Time.GetUtcNow() is var left && left > TimeSpan.Zero)
        {
            Time.Advance(left);
        }
    }

    /// <summary>Lets time pass in small steps, because a delay begins only after the work before it, until a condition holds.</summary>
    public Task PassUntilAsync(string what, Func<bool> isTrue) => Waiting.UntilAsync(
        what,
        () =>
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            return Task.FromResult(isTrue());
        },
        Cancel);

    /// <summary>Lets time pass until a job has ended and what became of both its events is decided.</summary>
    public async Task EndAsync(SimulatedJob job)
    {
        PassTo(job.StartsAt);
        // Otherwise both events would be sent at once, in any order.
        await PassUntilAsync("the start", () => IsSettled(job, events: 1));
        PassTo(job.EndsAt);
        await PassUntilAsync("the end", () => IsSettled(job, events: 2));
    }

    public static bool IsSettled(SimulatedJob job, int events) => job.Events.Count == events && job.Events.All(due => due.State is not EventState.Pending);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await MagicHour.DisposeAsync();
    }
}
