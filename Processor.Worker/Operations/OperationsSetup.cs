using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Microsoft.OpenApi;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Notifications;
using Processor.Worker.Owners;
using Processor.Worker.Persistence;
using BadHttpRequestException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace Processor.Worker.Operations;

internal static class OperationsSetup
{
    private const string Jobs = "/jobs";
    private const string WebhookSecrets = "/webhook-secret";
    private const string Description = "/openapi";
    private const int MaxBodyBytes = 16 * 1024;
    private const string Encoding = "The id is percent-encoded: team/1 is team%2F1, and .. is %2E%2E.";

    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        services.AddSettings<OperationsOptions>(OperationsOptions.Section);
        services.AddSettings<JaegerOptions>(JaegerOptions.Section);
        services.AddSettings<OutgoingWebhookOptions>(OutgoingWebhookOptions.Section);
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<KeyFailures>();
        services.AddSingleton<JobEndpoints>();
        services.AddSingleton<WebhookSecretEndpoint>();
        services.AddProblemDetails();
        services.AddOpenApi(openApi => openApi.AddDocumentTransformer((document, _, _) =>
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
            StatusCodeSelector = exception => exception switch
            {
                BadHttpRequestException bad => bad.StatusCode,
                // Entity Framework wraps the exception.
                _ when IsUnavailable(exception) || exception.InnerException is { } cause && IsUnavailable(cause) =>
                    StatusCodes.Status503ServiceUnavailable,
                _ => StatusCodes.Status500InternalServerError,
            },
        });
        app.UseStatusCodePages();
        app.Use((http, next) => JobId.RouteAsSentAsync(http, next, Jobs));
        app.UseRouting();
        var isOn = !app.Services.GetRequiredService<ApiKeys>().IsEmpty;
        if (isOn)
        {
            app.MapJobs();
            app.MapWebhookSecrets();
        }

        if (app.Environment.IsDevelopment())
        {
            app.MapOpenApi();
        }
        else if (isOn)
        {
            app.RequireKey(Description);
            app.MapOpenApi();
        }
    }

    // A row written by a newer version can be read once that version runs.
    private static bool IsUnavailable(Exception exception) => exception is NewerVersionException || DatabaseFault.IsTransient(exception);

    private static void MapJobs(this WebApplication app)
    {
        var group = app.MapWithKey(Jobs).ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        group.MapPut(
                "/{id}",
                (JobId id, JobOwner owner, HttpContext http, JobEndpoints jobs, CancellationToken token) =>
                    jobs.RegisterAsync(id.Value, owner, http.Features.GetRequiredFeature<Registrant>(), token))
            .WithSummary("Registers the owner of a job")
            .WithDescription(
                "Allowed before, between or after the job's events, with the same result. Registering again updates the registration; "
                + "only the key that registered the job first, or another key with its name, may do so. The owner is notified once of "
                + $"each end of the job. {Encoding}")
            .ProducesProblem(StatusCodes.Status403Forbidden)
            .WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes));
        group.MapGet("/{id}", (JobId id, JobEndpoints jobs, CancellationToken token) => jobs.ShowAsync(id.Value, token))
            .WithSummary("Shows a job with its events and notifications")
            .WithDescription(Encoding)
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static void MapWebhookSecrets(this WebApplication app) => app.MapWithKey(WebhookSecrets)
        .MapGet("", (string url, HttpResponse response, WebhookSecretEndpoint secrets) => secrets.Show(url, response))
        .WithSummary("Shows the keys with which a receiver verifies the platform's webhooks")
        .WithDescription(
            "They are derived from the configured secrets for the origin of the url (scheme, host and port), and cannot verify or forge "
            + "webhooks to another origin. Give them to the receiver, and to no one else.")
        .ProducesProblem(StatusCodes.Status404NotFound);

    private static RouteGroupBuilder MapWithKey(this WebApplication app, string prefix)
    {
        app.RequireKey(prefix);
        return app.MapGroup(prefix).ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status429TooManyRequests);
    }

    // Runs before the body is read, so that unauthenticated clients learn nothing from validation errors.
    private static void RequireKey(this WebApplication app, string prefix) =>
        app.UseWhen(http => http.Request.Path.StartsWithSegments(prefix), guarded => guarded.Use(RequireKeyAsync));

    private static async Task RequireKeyAsync(HttpContext http, RequestDelegate next)
    {
        if (http.RequestServices.GetRequiredService<ApiKeys>().Identify(http.Request) is { } owner)
        {
            http.Features.Set(owner);
            await next(http);
            return;
        }

        // Checked after the key: a valid key is always accepted, whatever other clients at the same address have tried.
        if (http.RequestServices.GetRequiredService<KeyFailures>().IsOverLimit(http.Connection.RemoteIpAddress ?? IPAddress.None))
        {
            http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
            http.Response.Headers.RetryAfter = $"{KeyFailures.Window.TotalSeconds:0}";
            return;
        }

        http.Response.StatusCode = StatusCodes.Status401Unauthorized;
        http.Response.Headers.WWWAuthenticate = "Bearer";
    }
}
