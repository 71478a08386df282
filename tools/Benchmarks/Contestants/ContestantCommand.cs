using System.CommandLine;
using Platform.Benchmarks.Contestants.Wolverine;

namespace Platform.Benchmarks.Contestants;

/// <summary>Runs one contestant in this process. Used by the bench itself, not by people.</summary>
internal static class ContestantCommand
{
    public const string Name = "contestant";

    private static readonly Dictionary<string, Func<ContestantOptions, CancellationToken, Task<int>>> Contestants = new()
    {
        ["floor"] = FloorContestant.RunAsync,
        ["verify"] = FloorContestant.RunVerifiedAsync,
        ["client"] = ClientContestant.RunAsync,
        ["tracked"] = ClientContestant.RunTrackedAsync,
        ["noop"] = NoOpContestant.RunAsync,
        ["raw"] = RawContestant.RunAsync,
        ["wolverine-inbox"] = WolverineContestant.RunInboxAsync,
        ["wolverine-batch"] = WolverineContestant.RunBatchAsync,
        ["guide"] = GuideContestant.RunAsync,
        ["collector"] = CollectorContestant.RunAsync,
        ["receiver"] = ReceiverContestant.RunAsync,
    };

    public static Command Create()
    {
        var contestant = new Argument<string>("name");
        var url = new Option<string>("--url") { Required = true };
        var secret = new Option<string>("--secret") { Required = true };
        var rabbitMq = new Option<string>("--rabbitmq") { Required = true };
        var postgres = new Option<string>("--postgres") { Required = true };
        var messages = OptionRules.Number("--messages", "Number of messages to consume.", 0, 0, int.MaxValue);
        var warmUp = OptionRules.Number("--warm-up", "Number of them that only warm up.", 0, 0, int.MaxValue);
        var envelope = new Option<string>("--envelope") { Required = true };
        contestant.AcceptOnlyFromAmong([.. Contestants.Keys]);
        var command = new Command(Name) { contestant, url, secret, rabbitMq, postgres, messages, warmUp, envelope };
        command.Hidden = true;
        command.SetAction((arguments, cancellationToken) => Contestants[arguments.GetValue(contestant)!](
            new ContestantOptions
            {
                Url = arguments.GetRequiredValue(url),
                Secret = arguments.GetRequiredValue(secret),
                RabbitMq = arguments.GetRequiredValue(rabbitMq),
                Postgres = arguments.GetRequiredValue(postgres),
                Messages = arguments.GetValue(messages),
                WarmUp = arguments.GetValue(warmUp),
                Envelope = arguments.GetRequiredValue(envelope),
            },
            cancellationToken));
        return command;
    }
}
