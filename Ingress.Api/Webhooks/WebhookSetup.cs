using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;

namespace Ingress.Api.Webhooks;

internal static class WebhookSetup
{
    public static IServiceCollection AddWebhooks(this IServiceCollection services)
    {
        services.AddSettings<MagicHourOptions>(MagicHourOptions.Section);
        services.AddSettings<IngressOptions>(IngressOptions.Section);
        services.AddSingleton<WebhookSecrets>();
        services.AddHostedService(provider => provider.GetRequiredService<WebhookSecrets>());
        services.AddSingleton<PeerFailures>();
        services.AddSingleton(provider =>
        {
            var ingress = provider.GetRequiredService<IOptions<IngressOptions>>().Value;
            return new BodyBudget(
                ingress.MaxBodyBytesInFlight, ingress.ReceiveHalfTimeout, provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<IngressMetrics>().BodyShed);
        });
        services.AddSingleton<WebhookEndpoint>();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, WebhookJson.Default));
        return services;
    }

    public static void MapWebhooks(this WebApplication app) => app
        .MapPost("/webhook", (WebhookEndpoint endpoint, HttpContext http) => endpoint.ReceiveAsync(http))
        .WithSummary("Receives an event from Magic Hour")
        .WithDescription("Answers 200 only when the event is safe. The sender retries every other response for 24 hours.")
        // The endpoint counts the bytes itself and answers with problem details.
        .WithMetadata(new DisableRequestSizeLimitAttribute())
        .ProducesProblem(StatusCodes.Status400BadRequest)
        .ProducesProblem(StatusCodes.Status401Unauthorized)
        .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
        .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
        .ProducesProblem(StatusCodes.Status429TooManyRequests)
        .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Receipt))]
[JsonSerializable(typeof(ProblemDetails))]
internal sealed partial class WebhookJson : JsonSerializerContext;

/// <summary>The response to an accepted webhook, as the sender's guide specifies it.</summary>
/// <param name="Timestamp">When the webhook was received, in seconds since 1970.</param>
internal sealed record Receipt(bool Success, long Timestamp);
