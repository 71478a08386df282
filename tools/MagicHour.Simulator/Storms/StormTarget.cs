using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Storms;

/// <summary>A webhook registered at the sender.</summary>
/// <param name="NextSecret">The secret from the middle of the storm on; null when the secret does not change.</param>
public sealed record StormTarget(string Url, string Secret, string? NextSecret = null);

/// <summary>Signs deliveries for one target and posts them.</summary>
internal sealed class StormEndpoint(StormTarget target, TimeProvider time) : IDisposable
{
    public const string StrangersSecret = "mhw_of_a_stranger";

    private readonly Sender _sender = new(target.Url, target.Secret, time);

    public Task<HttpResponseMessage> SendAsync(
        PlannedDelivery delivery, byte[] body, StormSignature signature, CancellationToken cancellationToken)
    {
        var secret = signature.IsAfterRotation ? target.NextSecret ?? target.Secret : target.Secret;
        var timestamp = Signing.Timestamp(signature.At);
        var signed = delivery.Irregularity switch
        {
            Irregularity.WrongSecret => Signing.Sign(StrangersSecret, timestamp, body),
            Irregularity.AlteredBody => Signing.Sign(secret, timestamp, [.. body, (byte)' ']),
            _ => Signing.Sign(secret, timestamp, body),
        };
        return _sender.PostAsync(body, timestamp, signed, cancellationToken);
    }

    public void Dispose() => _sender.Dispose();
}

/// <summary>The time of a signature and which of the two secrets it used.</summary>
internal readonly record struct StormSignature(DateTimeOffset At, bool IsAfterRotation);
