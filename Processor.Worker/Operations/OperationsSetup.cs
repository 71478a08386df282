using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using Npgsql;
using BadHttpRequestException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace Processor.Worker.Operations;

internal static class OperationsSetup
{
    private const string Prefix = "/jobs";
    private const int MaxBodyBytes = 16 * 1024;

    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        services.AddSettings<OperationsOptions>(OperationsOptions.Section);
        services.AddSettings<JaegerOptions>(JaegerOptions.Section);
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<JobEndpoints>();
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
                // Entity Framework wraps it.
                NpgsqlException or { InnerException: NpgsqlException } => StatusCodes.Status503ServiceUnavailable,
                _ => StatusCodes.Status500InternalServerError,
            },
        });
        app.UseStatusCodePages();
        app.MapOpenApi();
        if (app.Services.GetRequiredService<IOptions<OperationsOptions>>().Value.ApiKeys.Length > 0)
        {
            app.MapJobs();
        }
    }

    private static void MapJobs(this WebApplication app)
    {
        // Before the body is read: a stranger learns nothing of what would be right.
        app.UseWhen(http => http.Request.Path.StartsWithSegments(Prefix), jobs => jobs.Use(RequireKeyAsync));
        var group = app.MapGroup(Prefix).ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        group.MapPut("/{id}", (string id, JobOwner owner, JobEndpoints jobs, CancellationToken token) => jobs.RegisterAsync(id, owner, token))
            .WithSummary("Registers whose job it is")
            .WithDescription(
                "Before, between or after the job's events: what comes of it is the same. To register again is to update. The owner is told "
                + "once of each end of the job.")
            .WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes));
        group.MapGet("/{id}", (string id, JobEndpoints jobs, CancellationToken token) => jobs.ShowAsync(id, token))
            .WithSummary("Shows a job with its events and notifications")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task RequireKeyAsync(HttpContext http, RequestDelegate next)
    {
        if (http.RequestServices.GetRequiredService<ApiKeys>().Admit(http.Request))
        {
            await next(http);
            return;
        }

        http.Response.StatusCode = StatusCodes.Status401Unauthorized;
        http.Response.Headers.WWWAuthenticate = "Bearer";
    }
}
