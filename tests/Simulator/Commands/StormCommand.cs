using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using Platform.LocalStack;
using Platform.Simulator.Storms;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Commands;

/// <summary><c>./platform storm</c>: sends as Magic Hour does on a bad day, and judges what came of it.</summary>
internal static class StormCommand
{
    private static readonly Option<int> Events = Number("--events", "How many events.", 2000, 1, 1_000_000);
    private static readonly Option<int?> Seed = new("--seed") { Description = "Repeats the storm of that seed; by default any." };
    private static readonly Option<double> Rate = Number(
        "--rate", "Events per second, whether or not earlier ones are answered.", 200.0, 0.1, 100_000);

    private static readonly Option<double> Compression = Number(
        "--compression", "What the sender's waits of seconds to 24 hours are divided by.", 60.0, 1, 100_000);

    private static readonly Option<string[]> Url = new("--url")
    {
        Description = "An ingress; may be repeated. By default the local stack's.",
    };

    private static readonly Option<string[]> Secret = new("--secret") { Description = "Signs for the --url in the same place." };
    private static readonly Option<string[]> NextSecret = new("--next-secret")
    {
        Description = "Signs for the --url in the same place from the middle of the storm on.",
    };

    private static readonly Option<string> ReSign = new("--resign")
    {
        Description = "Whether a retry is signed anew: always, never or mixed.",
        DefaultValueFactory = _ => "mixed",
    };

    private static readonly Option<bool> Verify = new("--verify") { Description = "Judge afterwards: ledger, tables and queues, joined by id." };

    private static readonly Option<bool> WithOwners = new("--owners")
    {
        Description = "Register an owner for each job, half of them after the storm, and judge what they are told; not with workers in containers.",
    };

    private static readonly Option<string?> Postgres = new("--postgres") { Description = "Where --verify finds the tables, with --url." };
    private static readonly Option<string?> RabbitMq = new("--rabbitmq") { Description = "Where --verify finds the queues, with --url." };
    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Summary and verdict as JSON; all else goes to standard error.",
    };

    private static readonly Option<FileInfo?> LedgerFile = new("--ledger")
    {
        Description = "Write every event and every attempt to this file, as JSON lines.",
    };

    public static Command Create()
    {
        ReSign.AcceptOnlyFromAmong("always", "never", "mixed");
        var command = new Command(
            "storm", "Send as Magic Hour does on a bad day; exit code 1 when something was given up or the verdict is violated.")
        {
            Events, Seed, Rate, Compression, Url, Secret, NextSecret, ReSign, Verify, WithOwners, Postgres, RabbitMq, Json, LedgerFile,
        };
        command.Validators.Add(RequireWhole);
        command.SetAction(RunAsync);
        return command;
    }

    private static Option<T> Number<T>(string name, string description, T byDefault, T least, T most)
        where T : INumber<T> => new(name)
        {
            Description = description,
            DefaultValueFactory = _ => byDefault,
            CustomParser = result =>
            {
                if (!T.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out var number) || number < least || number > most)
                {
                    result.AddError($"{name} must be between {least} and {most}.");
                }

                return number ?? byDefault;
            },
        };

    private static void RequireWhole(CommandResult result)
    {
        var urls = result.GetValue(Url)?.Length ?? 0;
        if ((result.GetValue(Secret)?.Length ?? 0) != urls)
        {
            result.AddError("Each --url needs a --secret, and the other way round.");
        }

        if (result.GetValue(NextSecret) is { Length: var next and > 0 } && next != urls)
        {
            result.AddError("--next-secret is given for every --url, or not at all.");
        }

        if (result.GetValue(WithOwners) && !result.GetValue(Verify))
        {
            result.AddError("--owners needs --verify.");
        }

        if (urls > 0 && result.GetValue(Verify) && (result.GetValue(Postgres) is null || result.GetValue(RabbitMq) is null))
        {
            result.AddError("--verify with --url needs --postgres and --rabbitmq.");
        }
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var json = Console.Out;
        if (arguments.GetValue(Json))
        {
            Console.SetOut(Console.Error);
        }

        await using var destination = await FindDestinationAsync(arguments, cancellationToken);
        var plan = StormPlan.Create(ReadSettings(arguments, destination.Targets.Count), TimeProvider.System.GetUtcNow());
        Console.WriteLine($"Storm of seed {plan.Settings.Seed}: {plan}");
        await using var receiver = arguments.GetValue(WithOwners) ? await WebhookReceiver.StartAsync(cancellationToken) : null;
        var owners = receiver is null ? null : new Owners(plan, destination.RabbitMq!, receiver);
        await (owners?.RegisterFirstAsync(cancellationToken) ?? Task.CompletedTask);
        using var storm = new Storm(plan, destination.Targets, TimeProvider.System);
        var isWhole = await WatchAsync(storm, arguments, destination.Postgres, cancellationToken);
        if (arguments.GetValue(LedgerFile) is { } file)
        {
            await storm.Ledger.WriteAsync(file.FullName, CancellationToken.None);
        }

        var report = new StormReport(plan, StormSummary.Of(storm.Ledger), storm.Progress.TimesFull, Verdict: null);
        if (isWhole && arguments.GetValue(Verify))
        {
            await (owners?.RegisterOthersAsync(cancellationToken) ?? Task.CompletedTask);
            Console.WriteLine("Waiting until nothing moves any more ...");
            var options = new VerdictOptions { Told = owners?.Told, Registered = owners?.JobIds };
            var verdict = await Verdict.JudgeAsync(storm.Ledger, destination.Postgres!, destination.RabbitMq!, options, cancellationToken);
            report = report with { Verdict = verdict };
        }

        Array.ForEach([.. report.Lines], Console.WriteLine);
        if (arguments.GetValue(Json))
        {
            json.WriteLine(report.ToJson());
        }

        return isWhole && report.IsGood ? 0 : 1;
    }

    /// <returns>False when it was cancelled: then what there is of it is shown, and not judged.</returns>
    private static async Task<bool> WatchAsync(Storm storm, ParseResult arguments, string? postgres, CancellationToken cancellationToken)
    {
        var isTerminal = arguments.GetValue(Json) ? !Console.IsErrorRedirected : !Console.IsOutputRedirected;
        using var over = new CancellationTokenSource();
        var shown = new StormView(storm, Console.Out, isTerminal, postgres).ShowAsync(over.Token);
        try
        {
            await storm.RunAsync(cancellationToken);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        finally
        {
            await over.CancelAsync();
            await shown;
        }
    }

    private static StormSettings ReadSettings(ParseResult arguments, int endpoints) => new()
    {
        Seed = arguments.GetValue(Seed) ?? Random.Shared.Next(),
        Events = arguments.GetValue(Events),
        Rate = arguments.GetValue(Rate),
        TimeCompression = arguments.GetValue(Compression),
        Endpoints = endpoints,
        ReSigned = arguments.GetValue(ReSign) switch { "always" => 1, "never" => 0, _ => new StormSettings().ReSigned },
    };

    private static async Task<StormDestination> FindDestinationAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        if (arguments.GetValue(Url) is not { Length: > 0 } urls)
        {
            return await StormDestination.OfLocalStackAsync(arguments.GetValue(WithOwners), cancellationToken);
        }

        var secrets = arguments.GetValue(Secret)!;
        var next = arguments.GetValue(NextSecret) ?? [];
        return new StormDestination(
            [.. urls.Select((url, index) => new StormTarget(url, secrets[index], next.ElementAtOrDefault(index)))],
            arguments.GetValue(Postgres),
            arguments.GetValue(RabbitMq),
            IsOurs: false);
    }
}
