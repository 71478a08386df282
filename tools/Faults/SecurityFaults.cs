using System.Net;
using System.Text;
using Platform.Simulator.MagicHour;
using Platform.Simulator.Storms;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>Requests from strangers and from a man in the middle.</summary>
internal static class SecurityFaults
{
    private const int Flood = 300;

    public static IEnumerable<Fault> All =>
    [
        new("S01", "malformed signatures", "401 with the same body for all; nothing applied", MalformedSignaturesAsync),
        new("S02", "a valid signature for another body or timestamp", "401", OtherSignaturesAsync),
        new("S03", "malformed timestamps", "401", TimestampsAsync),
        new("S04", "an exact replay within 25 hours, and one after", "200 without effect; 401", ReplaysAsync),
        new("S05", "secret rotation", "both accepted; after removal 401 for the old one", RotationAsync),
        new("S06", "request smuggling", "400 and the connection closed", SmugglingAsync),
        new("S07", "a forged X-Forwarded-For", "ignored", ForgedPeerAsync),
        new("S08", "a flood of wrong signatures from one address", "429 with Retry-After for the flood; 200 for valid signatures", FloodAsync),
        new("S11", "line breaks, secrets and signed URLs in an event", "no forged line and no secret in any log", LogsAsync),
        new("N04", "clock skew of 4 minutes, 6 minutes and a day", "as the age settings specify", ClocksAsync),
    ];

    private static async Task<string> MalformedSignaturesAsync(FaultContext context)
    {
        var body = NewEvent().Body;
        var valid = Signing.Sign(context.Lab.Target.Secret, "1", body);
        string?[] signatures = [null, "", valid[1..], valid + "0", valid.ToUpperInvariant(), new string('z', 64), new string('0', 64), "\u00e9" + valid[1..]];
        var bodies = new HashSet<string>();
        using var wire = context.OpenWire();
        foreach (var signature in signatures)
        {
            var answer = await wire.PostAsync(body, change: request =>
            {
                request.Headers.Remove(Signing.SignatureHeader);
                request.Headers.TryAddWithoutValidation(Signing.SignatureHeader, signature);
            });
            Expect(answer.Status is 401 or 400, $"'{signature}' was answered {answer.Status}");
            if (answer.Status == 401)
            {
                bodies.Add(answer.Body);
            }
        }

        var twice = await wire.PostAsync(body, change: request => request.Headers.TryAddWithoutValidation(Signing.SignatureHeader, valid));
        var huge = await wire.PostAsync(body, change: request => request.Headers.TryAddWithoutValidation("x", new string('x', 60_000)));
        Expect(twice.Status == 401, $"two signatures were answered {twice.Status}");
        Expect(huge.Status == 431, $"oversized headers were answered {huge.Status}");
        Expect(bodies.Count == 1, "the answers differ");
        return $"{signatures.Length + 1} refused with the same body; 431 for oversized headers";
    }

    private static async Task<string> OtherSignaturesAsync(FaultContext context)
    {
        var body = NewEvent().Body;
        byte[] altered = [.. body[..^1], (byte)' ', (byte)'}'];
        using var wire = context.OpenWire();
        var otherTime = await wire.PostAsync(body, change: request =>
        {
            request.Headers.Remove(Signing.TimestampHeader);
            request.Headers.Add(Signing.TimestampHeader, Signing.Timestamp(TimeProvider.System.GetUtcNow().AddSeconds(-7)));
        });
        var otherBody = await wire.PostAsync(body, change: request =>
        {
            request.Content = new ByteArrayContent(altered);
            request.Content.Headers.ContentType = new("application/json");
        });
        Expect(otherTime.Status == 401 && otherBody.Status == 401, $"answered {otherTime.Status} and {otherBody.Status}");
        return "2 × 401";
    }

    private static async Task<string> TimestampsAsync(FaultContext context)
    {
        var body = NewEvent().Body;
        var now = TimeProvider.System.GetUtcNow();
        string[] timestamps = ["", "-1", $"{now.ToUnixTimeMilliseconds()}", "1e9", " 1", $"{now.ToUnixTimeSeconds()}.0", Signing.Timestamp(now.AddMinutes(6)), Signing.Timestamp(now.AddHours(-26))];
        using var wire = context.OpenWire();
        foreach (var timestamp in timestamps)
        {
            var answer = await wire.PostAsync(body, change: request =>
            {
                request.Headers.Remove(Signing.TimestampHeader);
                request.Headers.Remove(Signing.SignatureHeader);
                request.Headers.TryAddWithoutValidation(Signing.TimestampHeader, timestamp);
                request.Headers.Add(Signing.SignatureHeader, Signing.Sign(context.Lab.Target.Secret, timestamp, body));
            });
            Expect(answer.Status == 401, $"'{timestamp}' was answered {answer.Status}");
        }

        return $"{timestamps.Length} × 401";
    }

    private static async Task<string> ReplaysAsync(FaultContext context)
    {
        var webhook = NewEvent();
        using var wire = context.OpenWire();
        TimeSpan[] ages = [TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromHours(24.5), TimeSpan.FromHours(25.1)];
        var statuses = new List<int>();
        foreach (var age in ages)
        {
            statuses.Add((await wire.PostAsync(webhook.Body, age)).Status);
        }

        Expect(statuses is [200, 200, 200, 401], $"answered {string.Join(", ", statuses)}");
        await context.UntilAsync("the queue is empty", async () => await context.Lab.CountReadyAsync(context.Cancel) == 0);
        await context.UntilAsync("it is applied", async () => await context.CountEventsAsync(webhook.JobId) == 1);
        return "200, 200, 200, 401; one row";
    }

    private static async Task<string> RotationAsync(FaultContext context)
    {
        const string next = "mhw_the_next_secret";
        var statuses = new List<int>();
        foreach (var settings in new[] { new[] { context.Lab.Target.Secret, next }, [next] })
        {
            var ingress = context.Lab.Ingress("ingress-rotation", DevStack.Machine.FreePort(), settings: new Dictionary<string, string?>
            {
                ["MagicHour__WebhookSecrets__0"] = settings[0],
                ["MagicHour__WebhookSecrets__1"] = settings.ElementAtOrDefault(1),
            });
            await ingress.Process.StartAsync(context.Cancel);
            foreach (var secret in new[] { context.Lab.Target.Secret, next })
            {
                using var sender = new Sender(ingress.Url, secret, TimeProvider.System);
                using var response = await sender.SendAsync(NewEvent().Body, context.Cancel);
                statuses.Add((int)response.StatusCode);
            }

            await ingress.Process.StopAsync(context.Cancel);
        }

        Expect(statuses is [200, 200, 401, 200], $"answered {string.Join(", ", statuses)}");
        return "old and new 200; then old 401, new 200";
    }

    private static async Task<string> SmugglingAsync(FaultContext context)
    {
        using var wire = context.OpenWire();
        var body = NewEvent().Body;
        var text = Encoding.Latin1.GetString(body);
        var start = "POST /webhook HTTP/1.1\r\n" + wire.SignatureLines(body);
        string[] requests =
        [
            start + $"Content-Length: {body.Length}\r\nTransfer-Encoding: chunked\r\n\r\n{body.Length:x}\r\n{text}\r\n0\r\n\r\n",
            start + $"Content-Length: {body.Length}\r\nContent-Length: {body.Length}1\r\n\r\n{text}",
            start + $"Transfer-Encoding: chunked\r\n\r\n{body.Length:x};x\n{text}\r\n0\r\n\r\n",
            start + $"X-Folded: a\r\n b\r\nContent-Length: {body.Length}\r\n\r\n{text}",
            start + $"Transfer-Encoding: gzip, chunked\r\n\r\n{body.Length:x}\r\n{text}\r\n0\r\n\r\n",
            start + $"Transfer-Encoding : chunked\r\n\r\n{body.Length:x}\r\n{text}\r\n0\r\n\r\n",
        ];
        var statuses = new List<int>();
        foreach (var request in requests)
        {
            statuses.Add((await wire.RawAsync([request])).Status);
        }

        Expect(statuses.TrueForAll(status => status is 400 or 0), $"answered {string.Join(", ", statuses)}");
        return $"{string.Join(", ", statuses)}";
    }

    private static async Task<string> ForgedPeerAsync(FaultContext context)
    {
        var url = context.Lab.Ingresses[0].Url;
        for (var i = 0; i < Flood / 2; i++)
        {
            await PostFromAsync(context, url, "127.0.0.4", isForged: true, forwardedFor: $"10.0.0.{i}");
        }

        var status = await PostFromAsync(context, url, "127.0.0.4", isForged: true, forwardedFor: "10.9.9.9");
        Expect(status == 429, $"a new name in X-Forwarded-For was answered {status}");
        return "429 regardless of its value";
    }

    private static async Task<string> FloodAsync(FaultContext context)
    {
        var url = context.Lab.Ingresses[0].Url;
        var flood = await Task.WhenAll(Enumerable.Range(0, Flood).Select(_ => PostFromAsync(context, url, "127.0.0.5", isForged: true)));
        var same = await PostFromAsync(context, url, "127.0.0.5", isForged: false);
        var other = await PostFromAsync(context, url, "127.0.0.6", isForged: false);
        Expect(flood.Contains(429) && flood.All(status => status is 401 or 429), "the flood was not stopped");
        Expect(same == 200, $"a valid signature from the same address was answered {same}");
        Expect(other == 200, $"another address was answered {other}");
        return $"{flood.Count(status => status == 401)} × 401, {flood.Count(status => status == 429)} × 429; valid signatures 200";
    }

    private static async Task<string> LogsAsync(FaultContext context)
    {
        const string forged = "FORGED LINE";
        const string token = "auth-token=simulated";
        var id = MagicHourEvent.NewJobId();
        using var wire = context.OpenWire();
        var body = $$"""{"type":"video.completed\r\n{{forged}}","payload":{"id":"{{id}}","status":"x\r\n{{forged}}","downloads":[{"url":"https://h/f?{{token}}"}]} }""";
        Expect((await wire.PostAsync(body)).Status == 200, "refused");
        Expect((await context.SendAsync()).Status == 200, "refused");
        await context.UntilAsync("it is stored", async () => await context.CountEventsAsync(id) == 1);
        foreach (var service in context.Lab.Ingresses.Select(ingress => ingress.Process).Concat(context.Lab.Workers))
        {
            var lines = await File.ReadAllLinesAsync(service.Daemon.LogFile, context.Cancel);
            Expect(!lines.Any(line => line.TrimStart().StartsWith(forged, StringComparison.Ordinal)), $"{service.Name} logs a forged line");
            Expect(!lines.Any(line => line.Contains(token, StringComparison.Ordinal)), $"{service.Name} logs a signed URL");
            Expect(!lines.Any(line => line.Contains(context.Lab.Target.Secret, StringComparison.Ordinal)), $"{service.Name} logs a secret");
        }

        return "none in the logs of 4 processes";
    }

    private static async Task<string> ClocksAsync(FaultContext context)
    {
        (TimeSpan Age, int Status)[] cases =
        [
            (TimeSpan.FromMinutes(4), 200), (TimeSpan.FromMinutes(-4), 200), (TimeSpan.FromMinutes(6), 200), (TimeSpan.FromMinutes(-6), 401),
            (TimeSpan.FromHours(24), 200), (TimeSpan.FromHours(26), 401), (TimeSpan.FromHours(-24), 401),
        ];
        using var wire = context.OpenWire();
        foreach (var (age, expected) in cases)
        {
            var answer = await wire.PostAsync(NewEvent().Body, age);
            Expect(answer.Status == expected, $"signed {age} ago was answered {answer.Status}");
        }

        return string.Join(", ", cases.Select(one => $"{one.Age:c} {one.Status}"));
    }

    private static async Task<int> PostFromAsync(FaultContext context, string url, string address, bool isForged, string? forwardedFor = null)
    {
        using var wire = new Wire(new Uri(url), isForged ? StormEndpoint.StrangersSecret : context.Lab.Target.Secret, context.Cancel, IPAddress.Parse(address));
        return (await wire.PostAsync(NewEvent().Body, change: request => request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwardedFor))).Status;
    }
}
