using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Platform.Cli;

/// <summary><c>./platform listen</c>: prints events as they are stored, or forwards them, and resumes where it stopped.</summary>
internal static class ListenCommand
{
    private static readonly Option<string?> Since = new("--since") { Description = "Begin with events that were stored at this time, such as 2026-11-29T12:00:00Z, instead of where it stopped." };

    private static readonly Option<string?> Type = new("--type") { Description = "Such as video.completed." };

    private static readonly Option<string?> Job = new("--job") { Description = "The id of the job." };

    private static readonly Option<string?> Forward = new("--forward") { Description = "Post each event to this webhook, signed like Magic Hour." };

    private static readonly Option<string?> Secret = new("--secret") { Description = "Signs what is forwarded." };

    private static readonly Option<bool> Raw = new("--raw") { Description = "Forward the bytes that Magic Hour sent, not redacted ones: needs the right raw, and each event is recorded." };

    private static readonly string[] Shown = ["processedAt", "type", "jobId", "eventId"];

    public static Command Create()
    {
        var command = new Command("listen", "Print events as they are stored, or forward them; resume where it stopped.") { Since, Type, Job, Forward, Secret, Raw };
        command.Validators.Add(result =>
        {
            if (result.Has(Forward) != result.Has(Secret) || (result.Has(Raw) && !result.Has(Forward)))
            {
                result.AddError("--forward needs a --secret; --secret and --raw need --forward.");
            }

            if (result.Texts(Forward).Any(url => !Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https")))
            {
                result.AddError("--forward must be the address of a webhook, such as http://127.0.0.1:3000/webhook.");
            }
        });
        return command.UseApi(PlatformCommands.FindLocalApi, RunAsync);
    }

    private static async Task<int> RunAsync(OperationsClient client, ParseResult arguments, CancellationToken cancellationToken)
    {
        using var sender = arguments.GetValue(Forward) is { } target ? new Sender(new Uri(target), arguments.GetValue(Secret)!, TimeProvider.System) : null;
        var file = FindPositionFile(client, arguments);
        var position = arguments.GetValue(Since) is null && File.Exists(file) ? await File.ReadAllTextAsync(file, cancellationToken) : null;
        var stream = new EventListener(client, $"ops/events/stream?{arguments.Query([Type, Job, Since])}", position, file);
        await foreach (var item in stream.ReadAsync(cancellationToken))
        {
            if (item.EventType == "event")
            {
                await HandleAsync(client, sender, arguments, JsonSerializer.Deserialize<JsonElement>(item.Data), cancellationToken);
            }

            // After the event, so that a listener that is killed repeats it.
            await SaveAsync(file, item.EventId, cancellationToken);
        }

        return 0;
    }

    private static async Task HandleAsync(
        OperationsClient client, Sender? sender, ParseResult arguments, JsonElement stored, CancellationToken cancellationToken)
    {
        var forwarded = sender is null ? "" : $" -> {await ForwardAsync(client, sender, stored, arguments.GetValue(Raw), cancellationToken)}";
        Console.WriteLine(arguments.GetValue(OperationsOptions.Json)
            ? $"{stored}"
            : $"{string.Join(' ', Shown.Select(column => TextTable.Cell(stored, column)))}{forwarded}");
    }

    /// <summary>Posts the event until its target answers, whatever the answer.</summary>
    private static async Task<string> ForwardAsync(OperationsClient client, Sender sender, JsonElement stored, bool raw, CancellationToken cancellationToken)
    {
        var found = await client.GetAsync($"ops/events/{stored.GetProperty("eventId")}{(raw ? "?raw=true" : "")}", cancellationToken);
        var body = found.GetProperty("bodies")[0].GetProperty(raw ? "raw" : "body");
        if (body.ValueKind is JsonValueKind.Null)
        {
            return "not forwarded: its body is no longer stored, or is not JSON";
        }

        var bytes = raw ? body.GetBytesFromBase64() : Encoding.UTF8.GetBytes(body.GetRawText());
        for (var pauses = new Pauses(); ; await pauses.WaitAsync(cancellationToken))
        {
            try
            {
                using var answer = await sender.SendAsync(bytes, cancellationToken);
                return $"{(int)answer.StatusCode}";
            }
            catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                await Console.Error.WriteLineAsync($"{sender.Webhook} does not answer, trying again: {exception.Message}");
            }
        }
    }

    /// <summary>One for each API, filter and target.</summary>
    private static string FindPositionFile(OperationsClient client, ParseResult arguments)
    {
        var what = $"{client.Address} {arguments.Query([Type, Job])} {arguments.GetValue(Forward)}";
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(what)).AsSpan(0, 8));
        return Path.Combine(Directory.CreateDirectory(Path.Combine(Machine.LocalFolder, "listen")).FullName, name);
    }

    // Atomically: it may be killed at any moment.
    private static async Task SaveAsync(string file, string? position, CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync($"{file}.next", position, cancellationToken);
        File.Move($"{file}.next", file, overwrite: true);
    }
}
