using System.CommandLine;
using Platform.DevStack;
using Platform.Simulator.Api;

namespace Platform.Cli;

/// <summary><c>./platform magic-hour</c>: runs a simulated Magic Hour.</summary>
internal static class MagicHourCommand
{
    private const int PreferredPort = 8090;

    private static readonly Option<int> Port = OptionRules.Number("--port", "Port of this machine to listen on; 0 for a free one.", PreferredPort, 0, 65_535);

    private static readonly Option<string?> WebhookUrl = new Option<string?>("--webhook-url")
    {
        Description = "Whole address of the webhook; by default the local stack's, if it is up.",
    }.AcceptWebhookUrl();

    private static readonly Option<string?> Secret = new("--secret") { Description = "Signing secret of --webhook-url." };
    private static readonly Option<string> ApiKey = new("--api-key")
    {
        Description = "The key that the API requires.",
        DefaultValueFactory = _ => Stack.LocalMagicHourKey,
    };

    private static readonly Option<double> Speed = OptionRules.Number(
        "--speed", "Divisor for the delays of jobs, which range from seconds to minutes, and of retries.", 10.0, 1, 100_000);

    private static readonly Option<int> Seed = OptionRules.Number("--seed", "Determines how long jobs take and what happens to them.", 0, 0, int.MaxValue);

    public static Command Create()
    {
        var command = new Command("magic-hour", "Run a simulated Magic Hour: its API, the webhooks of its jobs, and their downloads.")
        {
            Port, WebhookUrl, Secret, ApiKey, Speed, Seed,
        };
        command.Validators.Add(result =>
        {
            // The local stack's secret must not sign for another target.
            if (result.Has(WebhookUrl) != result.Has(Secret))
            {
                result.AddError("--webhook-url needs a --secret and vice versa.");
            }
        });
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>A curl command that creates a job.</summary>
    public static string ToCurl(string url, string apiKey) =>
        // curl would use the environment's proxy even for this machine.
        $"curl -sS {(new Uri(url).IsLoopback ? "--noproxy '*' " : "")}-X POST {url}/v1/text-to-video -H 'authorization: Bearer {apiKey}' "
            + "-H 'content-type: application/json' --data '{\"name\":\"A first video\"}'";

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var webhook = FindWebhook(arguments);
        await using var magicHour = await SimulatedMagicHour.StartAsync(
            new SimulatedMagicHourOptions
            {
                ListenUrl = $"http://127.0.0.1:{arguments.GetValue(Port)}",
                ApiKey = arguments.GetValue(ApiKey)!,
                Webhook = webhook,
                Speed = arguments.GetValue(Speed),
                Seed = arguments.GetValue(Seed),
                LogsToConsole = true,
            },
            TimeProvider.System,
            cancellationToken);
        Console.WriteLine($"Magic Hour is simulated at {magicHour.Url}; {(webhook.Url is null ? "no webhook is registered" : $"its webhook is {webhook.Url}")}.");
        Console.WriteLine($"\nCreate a job:\n\n{ToCurl(magicHour.Url, magicHour.ApiKey)}\n\nStop with Ctrl-C.\n");
        await magicHour.WaitForShutdownAsync(cancellationToken);
        return 0;
    }

    private static WebhookSettings FindWebhook(ParseResult arguments)
    {
        if (arguments.GetValue(WebhookUrl) is { } url)
        {
            return new WebhookSettings(new Uri(url), arguments.GetValue(Secret)!);
        }

        return Stack.Load() is { } stack ? new WebhookSettings(new Uri($"{stack.IngressUrl}/webhook"), stack.Secret) : new WebhookSettings();
    }
}
