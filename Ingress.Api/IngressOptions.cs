using System.ComponentModel.DataAnnotations;
using System.Net;
using Platform.ServiceDefaults.Settings;

namespace Ingress.Api;

/// <summary>Limits on the webhooks that the ingress accepts, and on how many it handles at once. Section <c>Ingress</c>.</summary>
internal sealed class IngressOptions : IValidatableObject
{
    public const string Section = "Ingress";

    /// <summary>
    /// Maximum length of a body, in bytes; a longer one gets 413. 1 KiB to 8 MiB; default 256 KiB. Real bodies have 0.3 to 20 kB.
    /// </summary>
    /// <remarks>
    /// A message is a third longer than its body (base64), and RabbitMQ 4 closes the channel on a message of more than 16 MiB.
    /// </remarks>
    [Range(1024, 8 * 1024 * 1024)]
    public int MaxBodyBytes { get; set; } = 256 * 1024;

    /// <summary>
    /// Maximum bytes of bodies in memory at once, half of it reserved for bodies of up to 16 KiB. Above it, the body that has been
    /// receiving longest is shed, or 503 is returned when bodies being published use all of it. 32 MiB to 4 GiB; default 64 MiB.
    /// </summary>
    /// <remarks>
    /// While a body is published, it is also in memory as a message, a third longer, and once more as a frame until it is written: with the
    /// largest bodies, up to four times the budget in total.
    /// </remarks>
    // A buffer doubles until the body fits, so half of the smallest budget must hold the buffer of the longest body that can be allowed.
    [Range(32L * 1024 * 1024, 4096L * 1024 * 1024)]
    public long MaxBodyBytesInFlight { get; set; } = 64 * 1024 * 1024;

    /// <summary>
    /// Time limit for receiving a request: half of it for the headers, half for the body. The connection is closed when it expires. The
    /// sender sends both at once and gives up at 10 seconds. 1 to 9 seconds; default 5 seconds.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:00:09")]
    public TimeSpan ReceiveTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The server's limit for headers and the body's deadline each begin by themselves: together they are the limit.</summary>
    public TimeSpan ReceiveHalfTimeout => ReceiveTimeout / 2;

    /// <summary>Maximum number of publishes that await a confirm; above it, 503. 1 to 100000; default 1024.</summary>
    [Range(1, 100_000)]
    public int MaxPublishesInFlight { get; set; } = 1024;

    /// <summary>
    /// Time limit for a publish to be confirmed; 503 when it expires. The sender gives up
    /// at 10 seconds. 100 ms to 8 seconds; default 3 seconds.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:08")]
    public TimeSpan PublishBudget { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Maximum number of open connections; above it, the one that has gone longest
    /// without a valid webhook is closed. 1 to 1000000; default 10000.
    /// </summary>
    [Range(1, 1_000_000)]
    public int MaxConnections { get; set; } = 10_000;

    /// <summary>
    /// A second listen address, for probes and metrics only, such as <c>http://*:8082</c>, with its own port. Its connections do not count
    /// towards <see cref="MaxConnections"/>, and it does not serve webhooks. Do not expose it to the internet. Default: none.
    /// </summary>
    public string? ManagementUrl { get; set; }

    /// <summary>
    /// Addresses (<c>10.0.0.7</c>) and networks (<c>10.0.0.0/8</c>) of the proxies whose <c>X-Forwarded-For</c> is trusted; list every
    /// proxy of a chain. The client is the first address from the right that is not in this list. Default: none, and the header is ignored.
    /// </summary>
    public string[] TrustedProxies { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ManagementUrl is { Length: > 0 } && ReadPort(ManagementUrl) is null)
        {
            yield return new ValidationResult(
                $"{ListenAddresses.FindUrlError(ManagementUrl) ?? $"'{ManagementUrl}' names no port"}.", [nameof(ManagementUrl)]);
        }

        for (var i = 0; i < TrustedProxies.Length; i++)
        {
            if (!TryReadProxy(TrustedProxies[i], out _))
            {
                yield return new ValidationResult(
                    $"'{TrustedProxies[i]}' is neither an address nor a network such as 10.0.0.0/8.", [$"{nameof(TrustedProxies)}__{i}"]);
            }
        }
    }

    /// <summary>The trusted proxies as networks; a single address becomes a network of one.</summary>
    public IPNetwork[] ReadTrustedProxies() =>
        [.. TrustedProxies.Select(proxy => TryReadProxy(proxy, out var network) ? network : throw new FormatException($"'{proxy}' is no proxy."))];

    /// <summary>Reads the port of a listen address; null when the text has no port or is not a listen address.</summary>
    public static int? ReadPort(string? url) =>
        url is { Length: > 0 } && ListenAddresses.FindUrlError(url) is null && BindingAddress.Parse(url).Port is > 0 and var port ? port : null;

    private static bool TryReadProxy(string text, out IPNetwork network) => AddressText.TryReadRange(text, out network);
}
