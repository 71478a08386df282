using MassTransit;

namespace Processor.Worker.Owners;

/// <summary>
/// The identity that registers a job, verified by a third party: the API checks its key, or the broker its user. Never taken from the
/// message's own content.
/// </summary>
/// <param name="Identity">The name that is stored and logged.</param>
internal sealed record Registrant(string Identity)
{
    /// <summary>
    /// The identity of all messages without a <c>user-id</c>. They cannot be distinguished, since any publisher may omit the property;
    /// an update must therefore name the job's user (<see cref="JobRegistration"/>).
    /// </summary>
    public const string AnonymousIdentity = "anonymous";

    public static Registrant Anonymous { get; } = new(AnonymousIdentity);

    /// <summary>Earlier identities of this registrant. It may update what it registered under them.</summary>
    public IReadOnlyList<string> Formerly { get; init; } = [];

    /// <summary>Trusts the property <c>user-id</c>: the broker compares it with the user of the publishing connection.</summary>
    public static Registrant FromMessage(ReceiveContext delivery) =>
        delivery.TryGetPayload(out RabbitMqBasicConsumeContext? message) && message.Properties.UserId is { Length: > 0 } user
            ? new Registrant($"broker:{user}")
            : Anonymous;
}
