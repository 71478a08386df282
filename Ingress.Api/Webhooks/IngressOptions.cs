using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Ingress.Api.Webhooks;

/// <summary>What the ingress takes, and how much at once. Section <c>Ingress</c>.</summary>
internal sealed class IngressOptions : IValidatableObject
{
    public const string Section = "Ingress";

    /// <summary>
    /// The longest body that is accepted, in bytes; a longer one gets 413. 1 KiB to 8 MiB; default 1 MiB. Real bodies have 0.3 to 20 kB.
    /// </summary>
    /// <remarks>As a message it is a third longer (base64), and RabbitMQ 4 closes the channel on a message of more than 16 MiB.</remarks>
    [Range(1024, 8 * 1024 * 1024)]
    public int MaxBodyBytes { get; set; } = 1024 * 1024;

    /// <summary>Bytes of bodies in memory at once; over that, 503. 1 MiB to 4 GiB; default 64 MiB.</summary>
    /// <remarks>
    /// While it is published, a body is in memory as a message too, a third longer, and until it is written once more as a frame: with the
    /// largest bodies up to four times as much in all.
    /// </remarks>
    [Range(1024L * 1024, 4096L * 1024 * 1024)]
    public long MaxBodyBytesInFlight { get; set; } = 64 * 1024 * 1024;

    /// <summary>Publishes that may await their confirm at once; over that, 503. 1 to 100000; default 1024.</summary>
    [Range(1, 100_000)]
    public int MaxPublishesInFlight { get; set; } = 1024;

    /// <summary>
    /// How long a publish may take until it is confirmed; after that, 503. The sender gives up at 10 seconds. 100 ms to 8 seconds;
    /// default 3 seconds.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:08")]
    public TimeSpan PublishBudget { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Connections open at once; further ones are closed. 1 to 1000000; default 10000.</summary>
    [Range(1, 1_000_000)]
    public int MaxConnections { get; set; } = 10_000;

    /// <summary>
    /// Addresses (<c>10.0.0.7</c>) and networks (<c>10.0.0.0/8</c>) of the proxies whose <c>X-Forwarded-For</c> is believed. From anyone
    /// else it is ignored. Default: none.
    /// </summary>
    public string[] TrustedProxies { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        for (var i = 0; i < TrustedProxies.Length; i++)
        {
            if (!TryReadProxy(TrustedProxies[i], out _))
            {
                yield return new ValidationResult(
                    $"'{TrustedProxies[i]}' is neither an address nor a network such as 10.0.0.0/8.", [$"{nameof(TrustedProxies)}__{i}"]);
            }
        }
    }

    /// <summary>A single address is a network of one.</summary>
    public static bool TryReadProxy(string text, out IPNetwork network)
    {
        if (IPAddress.TryParse(text, out var address))
        {
            network = new IPNetwork(address, address.GetAddressBytes().Length * 8);
            return true;
        }

        return IPNetwork.TryParse(text, out network);
    }
}
