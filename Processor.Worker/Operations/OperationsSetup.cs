using Microsoft.OpenApi;
using Platform.ServiceDefaults.Hosting;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Archive;
using Processor.Worker.Audit;
using Processor.Worker.Downloads;
using Processor.Worker.Notifications;
using Processor.Worker.Persistence;
using Processor.Worker.Release;
using RabbitMQ.Client.Exceptions;
using Scalar.AspNetCore;

namespace Processor.Worker.Operations;

internal static class OperationsSetup
{
    private const string Description = "/openapi";

    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        services.AddSettings<OperationsOptions>(OperationsOptions.Section);
        services.AddSettings<JaegerOptions>(JaegerOptions.Section);
        services.AddSettings<OutgoingWebhookOptions>(OutgoingWebhookOptions.Section);
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<KeyFailures>();
        services.AddSingleton<KeyGuard>();
        services.AddSingleton(provider => new OperationsDatabase(
            PersistenceSetup.CreateDataSource("processor-worker-operations", OperationsDatabase.Limits, provider)));
        services.AddSingleton<AuditTrail>();
        services.AddSingleton<ParkingPlaces>();
        services.AddSingleton<JobReader>();
        services.AddSingleton<JobEndpoints>();
        services.AddSingleton<ErasureEndpoint>();
        services.AddSingleton<NotificationEndpoints>();
        services.AddDownloads();
        services.AddArchiveLinks();
        services.AddSingleton<DownloadEndpoint>();
        services.AddSingleton<WebhookSecretEndpoint>();
        services.AddSingleton<EventReader>();
        services.AddSingleton<EventEndpoints>();
        services.AddSingleton<EventFeed>();
        services.AddSingleton<EventStreams>();
        services.AddSingleton<StreamEndpoints>();
        services.AddSingleton<JobList>();
        services.AddSingleton<ParkedEndpoints>();
        services.AddSingleton<ReplayEndpoints>();
        services.AddSingleton<AuditList>();
        services.AddSingleton<StatsReader>();
        services.AddSingleton<AccountingEndpoint>();
        services.AddProblemDetails();
        services.AddOpenApi(openApi => openApi.AddSchemaTransformer(ApiExamples.AddAsync).AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Operations";
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                ["key"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer" },
            };
            document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("key", document)] = [] }];
            return Task.CompletedTask;
        }));
        return services;
    }

    public static void MapOperations(this WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            StatusCodeSelector = exception => ClientFault.FindStatus(exception)
                ?? (IsUnavailable(exception) ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status500InternalServerError),
            SuppressDiagnosticsCallback = ClientFault.IsCause,
        });
        app.UseStatusCodePages();
        app.Use((http, next) => JobId.RouteAsSentAsync(http, next, OperationsRoutes.Jobs));
        app.Use((http, next) => JobId.RouteAsSentAsync(http, next, OperationsRoutes.OperatedJobs));
        app.UseRouting();
        var isOn = !app.Services.GetRequiredService<ApiKeys>().IsEmpty;
        if (isOn)
        {
            app.MapJobs();
            app.MapWebhookSecrets();
            app.MapOperationsRoutes();
        }

        if (app.Environment.IsDevelopment())
        {
            app.MapOpenApi();
            app.MapReference();
        }
        else if (isOn)
        {
            app.RequireKey(Description);
            app.MapOpenApi();
        }
    }

    /// <summary>
    /// True for outages of database or broker, which has the parked messages, and for a row written by a newer version, which can be read once that
    /// version runs.
    /// </summary>
    public static bool IsUnavailable(Exception exception) =>
        exception is NewerVersionException or BrokerUnreachableException or OperationInterruptedException or AlreadyClosedException
        || DatabaseFault.IsTransient(exception)
        // Entity Framework wraps the exception.
        || exception.InnerException is { } cause && (cause is NewerVersionException || DatabaseFault.IsTransient(cause));

    /// <summary>The API as a page. Its scripts come from this process; nothing is loaded from elsewhere.</summary>
    private static void MapReference(this WebApplication app) => app.MapScalarApiReference("/reference", reference => reference
        .WithTitle("Operations").DisableDefaultFonts().DisableTelemetry().DisableAgent().DisableMcp().HideDeveloperTools().HideClientButton());
}
