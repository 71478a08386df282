using System.CommandLine;
using System.CommandLine.Parsing;
using Platform.DevStack;
using Platform.Simulator.Storms;
using Platform.Simulator.Truth;
using Platform.Simulator.Verdicts;

namespace Platform.Cli;

/// <summary><c>./platform storm</c>: simulates Magic Hour at its worst and judges the result.</summary>
internal static class StormCommand
{
    private static readonly Option<int> Events = OptionRules.Number("--events", "Number of events.", 2000, 1, 1_000_000);
    private static readonly Option<int?> Seed = OptionRules.Number("--seed", "Repeat the storm with this seed; by default a random one.", 0, int.MaxValue);
    private static readonly Option<double> Rate = OptionRules.Number(
        "--rate", "Events per second, whether or not earlier ones are answered; with --truth, jobs per second, by default 20.", 200.0, 0.1, 100_000);

    private static readonly Option<double> Compression = OptionRules.Number(
        "--compression", "Divisor for the sender's delays, which range from seconds to 24 hours.", 60.0, 1, 100_000);

    private static readonly Option<string[]> Url = new Option<string[]>("--url")
    {
        Description = "Address of an ingress, without /webhook; may be repeated. By default the local stack's.",
    }.AcceptIngressUrls();

    private static readonly Option<string[]> Secret = new("--secret") { Description = "Signing secret for the --url in the same position." };
    private static readonly Option<string[]> NextSecret = new("--next-secret")
    {
        Description = "Signing secret for the --url in the same position from the middle of the storm on.",
    };

    private static readonly Option<string> ReSign = new("--resign")
    {
        Description = "Whether retries are signed again: always, never or mixed.",
        DefaultValueFactory = _ => "mixed",
    };

    private static readonly Option<bool> Verify = new("--verify") { Description = "Judge the result: join the ledger, the tables and the queues by id." };

    private static readonly Option<bool> WithOwners = new("--owners")
    {
        Description = "Register an owner for each job, half of them after the storm, and judge the notifications; requires workers outside containers.",
    };

    private static readonly Option<bool> Truth = new("--truth")
    {
        Description = "Create jobs at a simulated Magic Hour that withholds events instead, on a private platform, and judge whether each job ends as there.",
    };

    private static readonly Option<int> Jobs = OptionRules.Number("--jobs", "With --truth: number of jobs.", 2000, 1, 1_000_000);

    private static readonly Option<string?> Postgres =
        new Option<string?>("--postgres") { Description = "With --url: the database that --verify reads." }.AcceptDatabase();

    private static readonly Option<string?> RabbitMq =
        new Option<string?>("--rabbitmq") { Description = "With --url: the broker that --verify reads." }.AcceptBroker();

    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print summary and verdict as JSON; other output goes to standard error.",
    };

    private static readonly Option<FileInfo?> LedgerFile = new Option<FileInfo?>("--ledger")
    {
        Description = "Write every event and every attempt to this file, as JSON lines.",
    }.AcceptWritableFile();

    public static Command Create()
    {
        ReSign.AcceptOnlyFromAmong("always", "never", "mixed");
        var command = new Command(
            "storm", "Simulate Magic Hour at its worst; exit code 1 when an event was given up or the verdict is violated.")
        {
            Events, Seed, Rate, Compression, Url, Secret, NextSecret, ReSign, Verify, WithOwners, Truth, Jobs, Postgres, RabbitMq, Json, LedgerFile,
        };
        command.Validators.Add(RequireWhole);
        command.Exclude(Truth, Events, Url, Secret, NextSecret, ReSign, Verify, WithOwners, Postgres, RabbitMq, LedgerFile);
        command.SetAction(RunAsync);
        return command;
    }

    private static void RequireWhole(CommandResult result)
    {
        var urls = result.Texts(Url).Count;
        if (result.Texts(Secret).Count != urls)
        {
            result.AddError("Each --url needs a --secret and vice versa.");
        }

        if (result.Texts(NextSecret).Count is var next and > 0 && next != urls)
        {
            result.AddError("--next-secret must be given for every --url or for none.");
        }

        if (result.IsOn(WithOwners) && !result.IsOn(Verify))
        {
            result.AddError("--owners needs --verify.");
        }

        if (result.Has(Jobs) && !result.IsOn(Truth))
        {
            result.AddError("--jobs needs --truth.");
        }

        if (urls == 0 && (result.Has(Postgres) || result.Has(RabbitMq)))
        {
            result.AddError("--postgres and --rabbitmq require --url.");
        }

        if (urls > 0 && result.IsOn(Verify) && !(result.Has(Postgres) && result.Has(RabbitMq)))
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

        if (arguments.GetValue(Truth))
        {
            return await RunTruthAsync(arguments, json, cancellationToken);
        }

        await using var destination = await FindDestinationAsync(arguments, cancellationToken);
        var plan = StormPlan.Create(ReadSettings(arguments, destination.Targets.Count), TimeProvider.System.GetUtcNow());
        Console.WriteLine($"Storm with seed {plan.Settings.Seed}: {plan}");
        await using var receiver = arguments.GetValue(WithOwners) ? await WebhookReceiver.StartAsync(cancellationToken) : null;
        receiver?.Secret = destination.OutgoingSecret;
        var owners = receiver is null ? null : new Owners(plan, destination.RabbitMq!, receiver);
        await (owners?.RegisterFirstAsync(cancellationToken) ?? Task.CompletedTask);
        using var storm = new Storm(plan, destination.Targets, TimeProvider.System);
        var isWhole = await WatchAsync(storm, arguments, destination.Postgres, cancellationToken);
        if (arguments.GetValue(LedgerFile) is { } file)
        {
            await storm.Ledger.WriteAsync(file.FullName, CancellationToken.None);
        }

        var report = new StormReport(plan, StormSummary.FromLedger(storm.Ledger), storm.Progress.TimesFull, Verdict: null);
        if (isWhole && arguments.GetValue(Verify))
        {
            await (owners?.RegisterOthersAsync(cancellationToken) ?? Task.CompletedTask);
            Console.WriteLine("Waiting for the platform to settle ...");
            var options = new VerdictOptions { Notified = owners?.Notified, Rejected = owners?.Rejected ?? [], Registered = owners?.JobIds };
            var verdict = await Verdict.JudgeAsync(storm.Ledger, destination.Postgres!, destination.RabbitMq!, options, cancellationToken);
            report = report with { Verdict = verdict };
        }

        Array.ForEach([.. report.Lines], Console.WriteLine);
        if (arguments.GetValue(Json))
        {
            json.WriteLine(report.ToJson());
        }

        var isRebuildClean = report.Verdict is null || await destination.IsRebuildCleanAsync(cancellationToken);
        var isAccounted = report.Verdict is null || await destination.IsAccountedAsync(cancellationToken);
        return isWhole && report.IsGood && isRebuildClean && isAccounted ? 0 : 1;
    }

    private static async Task<int> RunTruthAsync(ParseResult arguments, TextWriter json, CancellationToken cancellationToken)
    {
        var settings = new TruthSettings
        {
            Seed = arguments.GetValue(Seed) ?? Random.Shared.Next(),
            Jobs = arguments.GetValue(Jobs),
            TimeCompression = arguments.GetValue(Compression),
        };
        settings = arguments.GetResult(Rate) is { Implicit: false } ? settings with { Rate = arguments.GetValue(Rate) } : settings;
        Console.WriteLine($"Storm with seed {settings.Seed}: {settings.Jobs} jobs, starting a private platform ...");
        await using var platform = await TruthPlatform.StartAsync(settings, cancellationToken);
        var report = await new TruthStorm(platform, settings, Console.Out).RunAsync(cancellationToken);
        Array.ForEach([.. report.Lines], Console.WriteLine);
        if (arguments.GetValue(Json))
        {
            json.WriteLine(report.ToJson());
        }

        var isRebuildClean = RebuildCheck.Show(await platform.RunVerbAsync(RebuildCheck.Verb, cancellationToken));
        return report.Verdict.IsGood && isRebuildClean ? 0 : 1;
    }

    /// <returns>False when cancelled: the partial storm is shown but not judged.</returns>
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
            return await StormDestination.FromDevStackAsync(arguments.GetValue(WithOwners), cancellationToken);
        }

        var secrets = arguments.GetValue(Secret)!;
        var next = arguments.GetValue(NextSecret) ?? [];
        return new StormDestination(
            [.. urls.Select((url, index) => new StormTarget(url, secrets[index], next.ElementAtOrDefault(index)))],
            arguments.GetValue(Postgres),
            arguments.GetValue(RabbitMq),
            IsOwned: false,
            IsStack: false);
    }
}
