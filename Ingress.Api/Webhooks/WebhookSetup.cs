using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Ingress.Api.Webhooks;

internal static class WebhookSetup
{
    public static IServiceCollection AddWebhooks(this IServiceCollection services)
    {
        services.AddSettings<MagicHourOptions>(MagicHourOptions.Section);
        services.AddSettings<IngressOptions>(IngressOptions.Section);
        services.AddSingleton<WebhookSecrets>();
        services.AddHostedService(provider => provider.GetRequiredService<WebhookSecrets>());
        services.AddSingleton<SignatureFailures>();
        services.AddSingleton(provider => new BodyBudget(provider.GetRequiredService<IOptions<IngressOptions>>().Value.MaxBodyBytesInFlight));
        services.AddSingleton<WebhookEndpoint>();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, WebhookJson.Default));
        return services;
    }

    public static void MapWebhooks(this WebApplication app) => app
        .MapPost("/webhook", (WebhookEndpoint endpoint, HttpContext http) => endpoint.ReceiveAsync(http))
        .WithSummary("Takes an event of Magic Hour")
        .WithDescription("Answers 200 only when the event is safe. What is answered otherwise stays with the sender, which sends it again for 24 hours.")
        // The endpoint counts the bytes itself and answers with a problem.
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

/// <summary>The answer to an accepted webhook, as the sender's guide has it.</summary>
/// <param name="Timestamp">When it was received, in seconds since 1970.</param>
internal sealed record Receipt(bool Success, long Timestamp);
