using System.CommandLine;

namespace Platform.Cli.Tests;

public sealed class ArgumentsTests
{
    private static readonly RootCommand Root = PlatformCommands.Create();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_is_written_is_run_or_refused_in_one_line(int seed)
    {
        var fuzzer = new CommandLineFuzzer(Root, seed);

        var lines = Enumerable.Range(0, 2_000).Select(_ => fuzzer.Next()).Select(args => (Args: args, Error: fuzzer.Check(args))).ToArray();

        Assert.All(lines, line => Assert.DoesNotContain(line.Error ?? "", character => char.IsControl(character)));
        Assert.All(lines, line => Assert.True((line.Error ?? "").Length < 600, line.Error));
        Assert.Contains(lines, line => line.Error is null);
        Assert.Contains(lines, line => line.Error is not null);
    }

    [Theory]
    [InlineData("--count must be a number from 1 to 1000000, not 'abc'.", "send", "--count", "abc")]
    [InlineData("--count must be a number", "send", "--count", "0")]
    [InlineData("must be the address of an ingress, such as http://127.0.0.1:8080, not '127.0.0.1:8080'", "send", "--url", "127.0.0.1:8080", "--secret", "x")]
    [InlineData("added to it: http://127.0.0.1:8080.", "send", "--url", "http://127.0.0.1:8080/webhook", "--secret", "x")]
    [InlineData("added to it: http://host/in.", "storm", "--url", "http://host/in/Webhook/", "--secret", "x")]
    [InlineData("there is no file '/etc'", "send", "--file", "/etc")]
    [InlineData("--file and --count exclude each other", "send", "--file", "/etc/hostname", "--count", "2")]
    [InlineData("--file and --type exclude each other", "send", "--file", "/etc/hostname", "--type", "video.started")]
    [InlineData("--job and --count exclude each other", "send", "--job", "a", "--count", "2")]
    [InlineData("--url needs a --secret", "send", "--url", "http://127.0.0.1:8080")]
    [InlineData("Each --url needs a --secret", "storm", "--url", "http://127.0.0.1:8080")]
    [InlineData("--rate must be a number from 0.1 to 100000, not '40,5'.", "storm", "--rate", "40,5")]
    [InlineData("--rate must be a number", "storm", "--rate", "NaN")]
    [InlineData("--seed must be a number", "storm", "--seed", "-1")]
    [InlineData("--ledger: there is no folder '/nowhere'", "storm", "--ledger", "/nowhere/ledger.jsonl")]
    [InlineData("--ledger: '/etc' is a folder", "storm", "--ledger", "/etc")]
    [InlineData("require --url", "storm", "--postgres", "Host=127.0.0.1")]
    [InlineData("--postgres must be like", "storm", "--url", "http://h", "--secret", "x", "--postgres", "nonsense")]
    [InlineData("--rabbitmq must begin with amqp", "storm", "--url", "http://h", "--secret", "x", "--rabbitmq", "nonsense")]
    [InlineData("--truth and --verify exclude each other", "storm", "--truth", "--verify")]
    [InlineData("--truth and --events exclude each other", "storm", "--truth", "--events", "5")]
    [InlineData("--jobs needs --truth", "storm", "--jobs", "5")]
    [InlineData("--port must be a number from 0 to 65535", "magic-hour", "--port", "65536")]
    [InlineData("--webhook-url needs a --secret", "magic-hour", "--webhook-url", "http://127.0.0.1:8080/webhook")]
    [InlineData("--webhook-url needs a --secret", "magic-hour", "--secret", "x")]
    [InlineData("must be the address of a webhook, such as", "magic-hour", "--webhook-url", "127.0.0.1:8080/webhook", "--secret", "x")]
    [InlineData("Required argument missing for command: 'job'.", "job")]
    [InlineData("--native and --docker exclude each other", "up", "--docker", "--native")]
    [InlineData("--native and --mail exclude each other", "up", "--mail", "--native")]
    [InlineData("--with-aspire and --docker exclude each other", "up", "--docker", "--with-aspire")]
    [InlineData("--native and --docker exclude each other", "test", "--docker", "--native")]
    [InlineData("--project must be one of Architecture.Tests, ", "test", "--project", "Nothing.Tests")]
    [InlineData("There is no fault 'Z99'", "faults", "--only", "P01", "Z99")]
    [InlineData("There is no mutant 'P01'", "faults", "--mutants", "--only", "P01")]
    [InlineData("--mutants and --docker exclude each other", "faults", "--mutants", "--docker")]
    [InlineData("--fuzz must be a number", "faults", "--fuzz", "0")]
    [InlineData("release takes one of --error, --dead, --quarantined, --registrations and --notifications", "release")]
    [InlineData("release takes one of --error, --dead, --quarantined, --registrations and --notifications", "release", "--error", "--dead")]
    [InlineData("'nonsense' is not the id of a parked message", "release", "--error", "--id", "nonsense")]
    [InlineData("is not the id of a parked message", "release", "--quarantined", "--id", "9393771b-625c-52d4-aacd-14b7678086ad")]
    [InlineData("is not the id of a parked message", "release", "--notifications", "--id", "9393771b-625c-52d4-aacd-14b7678086ad")]
    [InlineData("'--reason' is required", "erase", "--job", "clx123")]
    [InlineData("Unrecognized command or argument '--dry-run'", "rebuild", "--dry-run")]
    [InlineData("--limit must be a number from 1 to 200", "events", "--limit", "201")]
    [InlineData("Unrecognized command or argument '--jobs'", "events", "--jobs", "a")]
    [InlineData("--url must be the address of the operations API", "jobs", "--url", "127.0.0.1:8081")]
    [InlineData("--forward needs a --secret", "listen", "--forward", "http://127.0.0.1:3000/webhook")]
    [InlineData("--secret and --raw need --forward", "listen", "--raw")]
    [InlineData("--forward must be the address of a webhook", "listen", "--forward", "127.0.0.1:3000", "--secret", "x")]
    [InlineData("Required argument missing for command: 'parked'.", "parked")]
    [InlineData("--release and --discard exclude each other", "parked", "error", "--release", "--discard", "--group", "a")]
    [InlineData("--release and --discard need --group or --id", "parked", "error", "--release")]
    [InlineData("--release and --discard need --group or --id", "parked", "error", "--group", "a")]
    [InlineData("--group and --id exclude each other", "parked", "error", "--release", "--group", "a", "--id", "b")]
    [InlineData("needs a filter: --type, --job", "replay", "--reason", "a test")]
    [InlineData("--stop and --type exclude each other", "replay", "--stop", "9393771b-625c-52d4-aacd-14b7678086ad", "--type", "a")]
    [InlineData("--notifications and --new-ids exclude each other", "replay", "--job", "a", "--notifications", "--new-ids")]
    [InlineData("--url", "webhook-secret")]
    [InlineData("--url must be an absolute http or https address", "webhook-secret", "--url", "example.com")]
    [InlineData("--secret must be whsec_ followed by the base64", "webhook-secret", "--url", "https://example.com", "--secret", "whsec_AAAA")]
    [InlineData("Unrecognized command or argument '@/etc/hostname'", "down", "@/etc/hostname")]
    public void A_wrong_argument_is_refused_with_its_reason(string reason, params string[] args)
    {
        var error = CommandLine.FindError(PlatformCommands.Program, CommandLine.Parse(Root, args));

        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.StartsWith($"./platform {args[0]}: ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("send", "--file", "/etc/hostname", "--url", "http://127.0.0.1:8080/", "--secret", "x")]
    [InlineData("storm", "--rate", "40.5", "--seed", "0")]
    [InlineData("storm", "--truth", "--jobs", "5", "--rate", "2", "--compression", "30", "--json")]
    [InlineData("storm", "--url", "https://h/in", "--secret", "x", "--verify", "--postgres", "Host=h", "--rabbitmq", "amqp://a:b@one:5672,two/")]
    [InlineData("magic-hour", "--webhook-url", "https://h/in?x=1", "--secret", "x", "--speed", "1.5", "--seed", "7")]
    [InlineData("faults", "--only", "P01", "B07.1")]
    [InlineData("faults", "--mutants", "--only", "mandatory")]
    [InlineData("release", "--quarantined", "--id", "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef")]
    [InlineData("rebuild", "--job", "clx123", "--check")]
    [InlineData("listen", "--since", "2026-11-29T12:00:00Z", "--type", "video.completed", "--forward", "http://127.0.0.1:3000/hook", "--secret", "x", "--raw")]
    [InlineData("erase", "--job", "clx123", "--reason", "a request", "--url", "http://127.0.0.1:8081", "--key", "k")]
    [InlineData("test", "--project", "Contracts.Tests", "--filter-class", "*")]
    [InlineData("webhook-secret", "--url", "https://example.com/hooks", "--secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("storm", "--rate", "40,5", "--help")]
    public void What_can_be_run_is_not_refused(params string[] args)
    {
        Assert.Null(CommandLine.FindError(PlatformCommands.Program, CommandLine.Parse(Root, args)));
    }
}
