using System.Net.Http.Headers;
using System.Text;
using Platform.Simulator.MagicHour;
using Platform.Simulator.Storms;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>Validly signed requests: too many, malformed, or out of order.</summary>
internal static class TrafficFaults
{
    private const int Copies = 500;
    private const int MaxBody = 256 * 1024;

    public static IEnumerable<Fault> All =>
    [
        new("T01", $"{Copies} copies of one event at the same time", "each 2xx; one effect", CopiesAsync),
        new("T02", "every job's events reversed; starts missing or hours late", "2xx; the jobs are the fold of their events", DisorderAsync),
        new("T03.1", "a message that always fails", "parked with its reason; others are applied", PoisonAsync),
        new("T03.2", "a message that kills the process each time", "parked after 5 recorded attempts; others are applied", KillerAsync),
        new("T04", "different bodies under known identities", "2xx; variants are kept; one effect", VariantsAsync),
        new("T07", "a slow body and slow headers", "408 or closed; others are served", SlowLorisAsync),
        Refused("T08", "a body over the limit, with and without Content-Length", 413, TooLongAsync),
        Content("T09", "JSON nested too deeply", 400, Nested(70)),
        Content("T10", "a duplicate key", 400, """{"type":"a.b","type":"video.completed","payload":{"id":"x"}}"""),
        new("T11", "invalid UTF-8 in a string", "400, and kept", context =>
            KeptAsync(context, 400, [.. "{\"type\":\"a"u8, 0xC3, 0x28, .. "\",\"payload\":{\"id\":\"x\"}}"u8])),
        new("T12", "NUL and lone surrogates in a name, a type and a key", "200, applied with U+FFFD", BrokenTextAsync),
        new("T13", "bodies that are not events: empty, null, an array, a BOM, trailing data", "400, and kept", NoEventsAsync),
        new("T14", "an unknown event type", "200, stored", UnknownTypeAsync),
        Refused("T15", "another content type, a compressed body", 415, OtherContentAsync),
        new("T16", "other methods and paths", "405 with Allow, 404", OtherRequestsAsync),
    ];

    private static string Nested(int depth) =>
        $$"""{"type":"video.completed","payload":{"id":"x","deep":{{new string('[', depth)}}{{new string(']', depth)}}} }""";

    private static Fault Refused(string id, string what, int status, Func<FaultContext, Wire, Task<Answer[]>> request) => new(
        id, what, $"{status}; nothing kept", async context =>
        {
            using var wire = context.OpenWire();
            var answers = await request(context, wire);
            Expect(answers.All(answer => answer.Status == status), $"answered {string.Join(", ", answers.Select(answer => answer.Status))}");
            return $"{answers.Length} × {status}";
        });

    private static Fault Content(string id, string what, int status, string body) =>
        new(id, what, $"{status}, and kept", context => KeptAsync(context, status, Encoding.UTF8.GetBytes(body)));

    private static async Task<string> KeptAsync(FaultContext context, int status, byte[] body)
    {
        using var wire = context.OpenWire();
        var answer = await wire.PostAsync(body);
        Expect(answer.Status == status, $"answered {answer.Status}");
        await context.UntilAsync("it is in quarantine", async () =>
        {
            await using var command = context.Lab.Database.CreateCommand("select count(*) from quarantined_events where body_sha256 = sha256($1)");
            command.Parameters.AddWithValue(body);
            return (long)(await command.ExecuteScalarAsync(context.Cancel))! == 1;
        });
        return $"{status}, kept";
    }

    private static async Task<string> CopiesAsync(FaultContext context)
    {
        var webhook = NewEvent();
        using var wire = context.OpenWire();
        var answers = await Task.WhenAll(Enumerable.Range(0, Copies).Select(_ => wire.PostAsync(webhook.Body)));
        await context.UntilAsync("it is applied", async () => await context.CountEventsAsync(webhook.JobId) == 1);
        Expect(answers.All(answer => answer.Status == 200), "a copy was refused");
        Expect((await wire.PostAsync(webhook.Body, TimeSpan.FromHours(8))).Status == 200, "a copy eight hours later was refused");
        await context.UntilAsync("the queue is empty", async () => await context.Lab.CountReadyAsync(context.Cancel) == 0);
        Expect(await context.CountEventsAsync(webhook.JobId) == 1, "applied twice");
        return $"{Copies + 1} × 200, one row";
    }

    private static async Task<string> DisorderAsync(FaultContext context) => $"{await context.StormAsync(
        new StormSettings { Events = 600, Rate = 200, Reordered = 0.5, StartedLate = 0.2, StartedMissing = 0.2, Errored = 0.3, Corrected = 0.2, Duplicates = 0.3 },
        () => Task.CompletedTask)}";

    private static async Task<string> VariantsAsync(FaultContext context) => $"{await context.StormAsync(
        new StormSettings { Events = 400, Rate = 200, Variants = 0.8 }, () => Task.CompletedTask)}";

    private static async Task<string> PoisonAsync(FaultContext context)
    {
        await context.Lab.ExecuteAsync(
            """
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'this event is poison'; end $$;
            create trigger refuse before insert on webhook_events for each row when (new.job_id = 'poison') execute function refuse();
            """,
            context.Cancel);
        var report = await context.StormAsync(300, 100, async () => await context.SendAsync(NewEvent(jobId: "poison").Body));
        await context.Lab.ExecuteAsync("drop function refuse cascade", context.Cancel);
        return $"{await context.ReleaseAsync(parked: 1, "this event is poison")}; {report}";
    }

    /// <summary>The trigger delays the insert long enough to kill the process while it handles the message.</summary>
    private static async Task<string> KillerAsync(FaultContext context)
    {
        await context.Lab.ExecuteAsync(
            """
            create function linger() returns trigger language plpgsql as $$ begin perform pg_sleep(600); return new; end $$;
            create trigger linger before insert on webhook_events for each row when (new.job_id = 'killer') execute function linger();
            """,
            context.Cancel);
        var kills = 0;
        var report = await context.StormAsync(300, 20, async () =>
        {
            await context.SendAsync(NewEvent(jobId: "killer").Body);
            while (await context.Lab.CountParkedAsync(context.Cancel) == 0)
            {
                Expect(kills < 30, "not parked after 30 kills");
                if (await context.Lab.QueryAsync<long>("select count(*) from pg_stat_activity where wait_event = 'PgSleep'", context.Cancel) > 0)
                {
                    kills++;
                    await Task.WhenAll(context.Lab.Workers.Select(worker => worker.KillAsync(context.Cancel)));
                    await context.Lab.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'", context.Cancel);
                    await context.Lab.RepairAsync(context.Cancel);
                }

                await context.WaitAsync(TimeSpan.FromMilliseconds(100));
            }
        });
        await context.Lab.ExecuteAsync("drop function linger cascade", context.Cancel);
        return $"parked after {kills} kills; {await context.ReleaseAsync(parked: 1, "it may be crashing the process")}; {report}";
    }

    private static async Task<string> SlowLorisAsync(FaultContext context)
    {
        using var wire = context.OpenWire();
        var webhook = NewEvent();
        var slowBody = wire.RawAsync(
            ["POST /webhook HTTP/1.1\r\n" + wire.SignatureLines(webhook.Body) + $"Content-Length: {webhook.Body.Length}\r\n\r\n", .. Enumerable.Repeat("x", 60)],
            TimeSpan.FromSeconds(1));
        var slowHeaders = wire.RawAsync(["POST /webhook HTTP/1.1\r\n", .. Enumerable.Range(0, 60).Select(i => $"X-{i}: y\r\n")], TimeSpan.FromSeconds(1));
        while (!slowBody.IsCompleted || !slowHeaders.IsCompleted)
        {
            Expect((await context.SendAsync()).Status == 200, "another request was not served");
            await context.WaitAsync(TimeSpan.FromMilliseconds(500));
        }

        var (body, headers) = (await slowBody, await slowHeaders);
        Expect(body.Status is 408 or 400 or 0 && headers.Status is 408 or 400 or 0, $"answered {body.Status} and {headers.Status}");
        return $"body: {body.Status} after {body.Duration.TotalSeconds:0.0} s; headers: {headers.Status} after {headers.Duration.TotalSeconds:0.0} s";
    }

    private static async Task<Answer[]> TooLongAsync(FaultContext context, Wire wire)
    {
        var body = Encoding.UTF8.GetBytes($$"""{"type":"video.completed","payload":{"id":"x","name":"{{new string('n', MaxBody)}}"} }""");
        var withLength = await wire.PostAsync(body);
        var withoutLength = await wire.PostAsync(body, change: request => request.Headers.TransferEncodingChunked = true);
        return [withLength, withoutLength];
    }

    private static async Task<string> BrokenTextAsync(FaultContext context)
    {
        using var wire = context.OpenWire();
        var id = MagicHourEvent.NewJobId();
        string[] bodies =
        [
            $$"""{"type":"video.completed","payload":{"id":"{{id}}-1","name":"cut \ud83c"} }""",
            $$"""{"type":"video.completed","payload":{"id":"{{id}}-2","name":"NUL \u0000"} }""",
            $$"""{"type":"video.\ud83c","payload":{"id":"{{id}}-3"} }""",
            $$"""{"type":"video.completed","payload":{"id":"{{id}}-4","\ud83c":1} }""",
        ];
        foreach (var body in bodies)
        {
            var answer = await wire.PostAsync(body);
            Expect(answer.Status == 200, $"answered {answer.Status} to {body}");
        }

        await context.UntilAsync("all are applied", async () => await context.CountEventsAsync(id + "%") == bodies.Length);
        return $"{bodies.Length} × 200, applied";
    }

    private static async Task<string> NoEventsAsync(FaultContext context)
    {
        byte[][] bodies = [[], [.. "null"u8], [.. "[1]"u8], [0xEF, 0xBB, 0xBF, .. "{\"type\":\"a\"}"u8], [.. "{\"type\":\"a\"} x"u8]];
        foreach (var body in bodies)
        {
            await KeptAsync(context, 400, body);
        }

        return $"{bodies.Length} × 400, kept";
    }

    private static async Task<string> UnknownTypeAsync(FaultContext context)
    {
        var webhook = NewEvent("project.archived");
        Expect((await context.SendAsync(webhook.Body)).Status == 200, "refused");
        await context.UntilAsync("it is stored", async () => await context.CountEventsAsync(webhook.JobId) == 1);
        return "200, stored";
    }

    private static async Task<Answer[]> OtherContentAsync(FaultContext context, Wire wire)
    {
        var body = NewEvent().Body;
        return
        [
            await wire.PostAsync(body, change: request => request.Content!.Headers.ContentType = new MediaTypeHeaderValue("text/plain")),
            await wire.PostAsync(body, change: request => request.Content!.Headers.ContentType = null),
        ];
    }

    private static async Task<string> OtherRequestsAsync(FaultContext context)
    {
        using var http = new HttpClient { BaseAddress = new Uri(context.Lab.Target.Url) };
        using var get = await http.GetAsync("/webhook", context.Cancel);
        using var put = await http.PutAsync("/webhook", new StringContent("{}"), context.Cancel);
        using var unknown = await http.GetAsync("/nothing", context.Cancel);
        Expect((int)get.StatusCode == 405 && get.Content.Headers.Allow.Contains("POST"), $"GET was answered {get.StatusCode}");
        Expect((int)put.StatusCode == 405, $"PUT was answered {put.StatusCode}");
        Expect((int)unknown.StatusCode == 404, $"an unknown path was answered {unknown.StatusCode}");
        return "405 with Allow: POST, 405, 404";
    }
}
