using Microsoft.Extensions.Http.Resilience;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;
using Polly;

namespace Processor.Worker.Reconciliation;

internal static class ReconciliationSetup
{
    public static IServiceCollection AddReconciliation(this IServiceCollection services)
    {
        services.AddSettings<MagicHourApiOptions>(MagicHourApiOptions.Section);
        services.AddSettings<ReconcileOptions>(ReconcileOptions.Section);
        services.AddSingleton(provider => CreateSchedule(provider.GetRequiredService<IOptions<ReconcileOptions>>().Value));
        services.AddSingleton(provider => new RequestBudget(
            provider.GetRequiredService<IOptions<ReconcileOptions>>().Value.RequestsPerSecond, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<MagicHourKey>();
        services.AddSingleton<AskingPause>();
        services.AddSingleton<JobChecks>();
        services.AddSingleton<ReconcileLock>();
        services.AddSingleton<JobChecker>();
        services.AddSingleton<Reconciler>();
        services.AddHostedService(provider => provider.GetRequiredService<Reconciler>());
        services.AddHostedService<ReconcileGauges>();
        services.AddMagicHourApi();
        return services;
    }

    private static CheckSchedule CreateSchedule(ReconcileOptions options) => new(options.FirstAfter, options.TimeScale);

    private static void AddMagicHourApi(this IServiceCollection services)
    {
        services.AddTransient<BudgetedRequests>();
        var client = services.AddHttpClient<MagicHourApi>((provider, http) =>
        {
            http.BaseAddress = new Uri($"{provider.GetRequiredService<IOptions<MagicHourApiOptions>>().Value.BaseUrl.AbsoluteUri.TrimEnd('/')}/");
            http.DefaultRequestHeaders.UserAgent.ParseAdd("magic-hour-platform/1.0");
            // Each request has its own limit, which starts when the budget lets it.
            http.Timeout = Timeout.InfiniteTimeSpan;
        });
        // It would log two lines for each request.
        client.RemoveAllLoggers();
        client.SetHandlerLifetime(Timeout.InfiniteTimeSpan);
        client.ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
        {
            // The key is for this host only.
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        });
        client.AddResilienceHandler("repeat", pipeline => pipeline.AddRetry(CreateRetry()));
        // Inside: repetitions need the budget too.
        client.AddHttpMessageHandler<BudgetedRequests>();
    }

    /// <summary>
    /// Two repetitions within a few seconds, so that a connection that breaks or a single 502 does not cost a job half a minute. Longer outages,
    /// and answers that say when to come back, are for <see cref="AskingPause"/>, which stops the requests for all jobs.
    /// </summary>
    private static HttpRetryStrategyOptions CreateRetry() => new()
    {
        MaxRetryAttempts = 2,
        Delay = TimeSpan.FromSeconds(1),
        BackoffType = DelayBackoffType.Exponential,
        UseJitter = true,
        ShouldRetryAfterHeader = false,
        ShouldHandle = attempt => ValueTask.FromResult(attempt.Outcome switch
        {
            { Result: { } response } => (int)response.StatusCode >= 500 && response.Headers.RetryAfter is null,
            { Exception: HttpRequestException exception } => exception.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.ResponseEnded,
            _ => false,
        }),
    };
}
