using Microsoft.Extensions.Http.Resilience;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;
using Polly;
using Processor.Worker.Downloads;
using Processor.Worker.Persistence;

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
        services.AddReplicaLock(AdvisoryLocks.Reconcile);
        services.AddSingleton<AnswerReview>();
        services.AddSingleton<FindingPublisher>();
        services.AddSingleton<JobChecker>();
        services.AddSingleton<DownloadRefresher>();
        services.AddSingleton<Reconciler>();
        services.AddHostedService(provider => provider.GetRequiredService<Reconciler>());
        services.AddHostedService<ReconcileGauges>();
        services.AddMagicHourApi();
        services.AddDownloads();
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
            // Each request has its own time limit, which starts once the budget admits it.
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
        // Inside: retries need the budget too.
        client.AddHttpMessageHandler<BudgetedRequests>();
    }

    /// <summary>
    /// Two retries within a few seconds, so that a broken connection or a single 502 does not delay a job by half a minute.
    /// <see cref="AskingPause"/>, which stops the requests for all jobs, handles longer outages and <c>Retry-After</c>.
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
