using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Audit;
using Processor.Worker.Notifications;
using Processor.Worker.Owners;

namespace Processor.Worker.Operations;

/// <summary><c>/webhook-secret</c>: the keys with which one receiver verifies the platform's webhooks, unique to that receiver. Showing them is recorded.</summary>
internal sealed class WebhookSecretEndpoint(IOptions<OutgoingWebhookOptions> options, AuditTrail audit)
{
    public async Task<Results<Ok<ReceiverSecrets>, ValidationProblem, ProblemHttpResult>> ShowAsync(
        string url, Caller caller, HttpResponse response, CancellationToken cancellationToken)
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
        var secrets = new ReceiverSecrets(audience, [.. options.Value.DeriveKeys(audience).Select(OutgoingWebhookSecret.Write)]);
        await audit.RecordAsync(AuditDraft.Done(caller.Name, AuditActions.ShowRaw, $"webhook-secret {audience}", null, secrets.Secrets.Count), cancellationToken);
        return TypedResults.Ok(secrets);
    }
}

/// <summary>The keys of one receiver: any of them verifies a webhook.</summary>
/// <param name="Audience">The value of <c>audience</c> in every webhook to it.</param>
/// <param name="Secrets">In the format of Standard Webhooks; several while the configured secrets are rotated.</param>
internal sealed record ReceiverSecrets(string Audience, IReadOnlyList<string> Secrets);
