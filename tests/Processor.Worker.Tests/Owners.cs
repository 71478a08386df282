using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Processor.Worker.Owners;
using Processor.Worker.Registration;
using Processor.Worker.Retention;

namespace Processor.Worker.Tests;

/// <summary>Registrations as applications send them.</summary>
internal static class Owners
{
    public static RegisterJob Register(
        string jobId, string? email = "ada@example.com", string? webhookUrl = null, DateTimeOffset? at = null, string userId = "ada") => new()
        {
            JobId = jobId,
            Resource = "video",
            UserId = userId,
            Email = email,
            WebhookUrl = webhookUrl,
            RegisteredAt = at ?? Deliveries.Noon,
        };

    public static Task<RegistrationOutcome> RegisterAsync(this TestDatabase database, RegisterJob registration) =>
        database.RegisterAsync(registration, "broker:application");

    public static async Task<RegistrationOutcome> RegisterAsync(this TestDatabase database, RegisterJob registration, string identity)
    {
        await using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var registrar = new JobRegistrar(
            database.Source,
            Options.Create(new RetentionOptions()),
            new ProcessorMetrics(services.GetRequiredService<IMeterFactory>()),
            TimeProvider.System,
            NullLogger<JobRegistrar>.Instance);
        return await registrar.RegisterAsync(registration, new Registrant(identity), TestContext.Current.CancellationToken);
    }

    /// <summary>A job that has ended, with its owner.</summary>
    public static async Task EndAsync(this TestDatabase database, string jobId, string? webhookUrl, string? email = null)
    {
        await database.RegisterAsync(Register(jobId, email, webhookUrl));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", jobId)));
    }

    /// <summary>Jobs that have ended, each with a domain event and a notification by webhook that is due.</summary>
    /// <param name="webhookUrl">Each job has its own host at this address (<see cref="UrlOfTarget"/>).</param>
    public static async Task<TestDatabase> CreateDueAsync(this PostgresFixture postgres, int count, string webhookUrl = "https://example.com")
    {
        var database = await postgres.CreateDatabaseAsync();
        for (var i = 0; i < count; i++)
        {
            await database.EndAsync($"job-{i}", UrlOfTarget(webhookUrl, i));
        }

        // The dispatcher's clock does not move.
        await database.ExecuteAsync("update notifications set next_attempt_at = next_attempt_at - interval '1 hour'");
        return database;
    }

    /// <summary>The same address under another name, which makes it a separate target.</summary>
    public static string UrlOfTarget(string url, int target) => new UriBuilder(url) { Host = $"t{target}.example" }.Uri.AbsoluteUri;

    /// <summary>Every notification as <c>outcome channel status</c>.</summary>
    public static Task<string[]> NotificationsAsync(this TestDatabase database) =>
        database.QueryAsync("select outcome || ' ' || channel || ' ' || status from notifications order by outcome, channel");
}
