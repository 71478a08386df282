using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Notifications;
using Processor.Worker.Owners;

namespace Processor.Worker.Operations;

/// <summary><c>/webhook-secret</c>: the keys with which one receiver verifies the platform's webhooks, unique to that receiver.</summary>
internal sealed class WebhookSecretEndpoint(IOptions<OutgoingWebhookOptions> options)
{
    public Results<Ok<ReceiverSecrets>, ValidationProblem, ProblemHttpResult> Show(string url, HttpResponse response)
    {
        if (RegistrationRules.FindUrlError(url) is { } error)
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["url"] = [error] });
        }

        if (options.Value.Secrets.Length == 0)
        {
            return TypedResults.Problem(
                "This worker has no secret for outgoing webhooks (OutgoingWebhooks__Secrets__0).", statusCode: StatusCodes.Status404NotFound);
        }

        response.Headers.CacheControl = "no-store";
        var audience = OutgoingWebhookSecret.AudienceOf(new Uri(url));
        return TypedResults.Ok(new ReceiverSecrets(audience, [.. options.Value.DeriveKeys(audience).Select(OutgoingWebhookSecret.Write)]));
    }
}

/// <summary>The keys of one receiver: any of them verifies a webhook.</summary>
/// <param name="Audience">The value of <c>audience</c> in every webhook to it.</param>
/// <param name="Secrets">In the format of Standard Webhooks; several while the configured secrets are rotated.</param>
internal sealed record ReceiverSecrets(string Audience, IReadOnlyList<string> Secrets);
