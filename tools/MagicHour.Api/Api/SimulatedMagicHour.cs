using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>
/// A Magic Hour on this machine: its REST API, the webhooks of the jobs created there, and their downloads. Its properties decide what happens,
/// as <c>/control</c> does over HTTP.
/// </summary>
public sealed class SimulatedMagicHour : IAsyncDisposable
{
    private static readonly TimeSpan ShortestGap = TimeSpan.FromMilliseconds(100);

    private readonly WebApplication _app;
    private readonly Webhook _webhook;
    private readonly JobEvents _events;
    private readonly string? _publicUrl;

    private SimulatedMagicHour(WebApplication app, SimulatedMagicHourOptions options, TimeProvider time)
    {
        _app = app;
        _publicUrl = options.PublicUrl?.TrimEnd('/');
        _webhook = new Webhook(options.Webhook, time);
        ApiKey = options.ApiKey;
        Switches = options.Switches;
        Calls = new CallLog(time);
        Faults = new Faults(options.Seed);
        Jobs = new JobRegistry(options, time);
        var links = new DownloadLinks();
        var projects = new ProjectAnswer(links, () => Switches, () => _publicUrl ?? Url);
        var delivery = new WebhookDelivery(
            _webhook, new RetrySchedule(options.Speed, ShortestGap), () => Switches, time, app.Services.GetRequiredService<ILogger<WebhookDelivery>>());
        _events = new JobEvents(delivery, projects, options.Speed, time);
        UseApi(new FaultyAnswer(() => Switches));
        new ApiRoutes(Jobs, _events, projects, () => Switches, time, app.Services.GetRequiredService<ILogger<ApiRoutes>>()).Map(app);
        new DownloadRoutes(Jobs, links, Calls, () => Switches, time).Map(app);
        new ControlRoutes(this, time).Map(app);
        app.Map(FaultyAnswer.RedirectTarget, () => Calls.CountRedirect());
    }

    /// <summary>Where it listens.</summary>
    public string Url => _app.Urls.First();

    /// <summary>The key that <c>/v1</c> requires.</summary>
    public string ApiKey { get; set; }

    public WebhookSettings Webhook
    {
        get => _webhook.Settings;
        set => _webhook.Settings = value;
    }

    public ApiSwitches Switches { get; set; }

    public Faults Faults { get; }

    public JobRegistry Jobs { get; }

    public CallLog Calls { get; }

    public static async Task<SimulatedMagicHour> StartAsync(SimulatedMagicHourOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (options.LogsToConsole)
        {
            builder.Logging.AddSimpleConsole(console => console.SingleLine = true).AddFilter("Microsoft", LogLevel.Warning);
        }

        builder.Services.AddSingleton(time);
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower));
            // A misspelled field of a control call must not pass for its default.
            json.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        });
        var app = builder.Build();
        app.Urls.Add(options.ListenUrl);
        var magicHour = new SimulatedMagicHour(app, options, time);
        await app.StartAsync(cancellationToken);
        return magicHour;
    }

    /// <summary>Runs until the token is cancelled or the process is asked to stop.</summary>
    public Task WaitForShutdownAsync(CancellationToken cancellationToken) => _app.WaitForShutdownAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _events.DisposeAsync();
        _webhook.Dispose();
    }

    // Each call is recorded, then needs the key, then may meet a fault.
    private void UseApi(FaultyAnswer faulty) => _app.UseWhen(http => http.Request.Path.StartsWithSegments("/v1"), api =>
    {
        api.Use((http, next) => Calls.RecordAsync(http, next));
        api.Use((http, next) => http.Request.Headers.Authorization == $"Bearer {ApiKey}"
            ? next(http)
            : ErrorAnswer.Create(StatusCodes.Status401Unauthorized, Switches.Errors).ExecuteAsync(http));
        api.Use(async (http, next) =>
        {
            var fault = Faults.Next(http.Request.Method, http.GetRouteValue("id") as string);
            http.Items[typeof(FaultRule)] = fault;
            if (fault is null || !await faulty.TryAnswerAsync(http, fault, _app.Lifetime.ApplicationStopping))
            {
                await next(http);
            }
        });
    });
}
