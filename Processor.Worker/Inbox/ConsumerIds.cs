using Platform.Contracts;

namespace Processor.Worker.Inbox;

/// <summary>
/// Ids of the consumers in <c>inbox_state</c>. MassTransit derives its ids from class names, so after a rename every message would count as
/// new. These are the ids it derived when the table was created; they must never change.
/// </summary>
internal static class ConsumerIds
{
    private static readonly Dictionary<Type, Guid> ByContract = new()
    {
        [typeof(WebhookReceived)] = new("5c65148f-beda-e33b-342c-d6e477e0e346"),
        [typeof(WebhookQuarantined)] = new("24a2c489-7b9c-19c4-e145-d6adae0b4b67"),
    };

    /// <summary>The id of the consumer of a contract.</summary>
    /// <exception cref="KeyNotFoundException">The contract's consumer has no inbox.</exception>
    public static Guid Find<TContract>() => ByContract[typeof(TContract)];
}
