using Platform.DevStack;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Storms;

/// <summary>The application that owns the jobs of a storm: registers the owner of each job by message, with a webhook for notifications.</summary>
internal sealed class Owners(StormPlan plan, string rabbitMq, WebhookReceiver receiver)
{
    /// <summary>The jobs it registers, in two halves.</summary>
    public IReadOnlyList<string> JobIds { get; } =
        [.. plan.Events.Where(one => one.Expected is Expectation.Applied && JobFold.Concerns(one.Type)).Select(one => one.JobId).Distinct()];

    /// <summary>The notifications received so far, in order of arrival.</summary>
    public IReadOnlyCollection<ReceivedWebhook> Notified => receiver.Received;

    /// <summary>Notifications that a receiver would reject.</summary>
    public IEnumerable<ReceivedWebhook> Rejected => receiver.Rejected;

    /// <summary>Registers the first half of the jobs, before they start.</summary>
    public Task RegisterFirstAsync(CancellationToken cancellationToken) =>
        RegisterAsync(JobIds.Where((_, index) => index % 2 == 0), cancellationToken);

    /// <summary>Registers the other half, when many have already ended.</summary>
    public Task RegisterOthersAsync(CancellationToken cancellationToken) =>
        RegisterAsync(JobIds.Where((_, index) => index % 2 == 1), cancellationToken);

    private async Task RegisterAsync(IEnumerable<string> jobIds, CancellationToken cancellationToken)
    {
        await using var registrations = await RegistrationPublisher.ConnectAsync(rabbitMq, cancellationToken);
        foreach (var jobId in jobIds)
        {
            await registrations.RegisterAsync(jobId, "video", receiver.Url, cancellationToken);
        }
    }
}
