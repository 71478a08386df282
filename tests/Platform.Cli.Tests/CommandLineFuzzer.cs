using System.CommandLine;

namespace Platform.Cli.Tests;

/// <summary>Command lines of a program: verbs and options from its own grammar, values from everything that a person or a script may write.</summary>
internal sealed class CommandLineFuzzer(RootCommand root, int seed)
{
    private const int MostOptions = 6;

    private static readonly string[] Values =
    [
        "", " ", "0", "1", "-1", "+7", "007", "1.5", "40,5", "1_000", "1e3", "0x10", "NaN", "Infinity", "-Infinity", "∞", "٣", "2147483648",
        "99999999999999999999999999", "abc", "--", "-", "-x", "--unknown", "=", "a=b", "@", "@/etc/passwd", "@nowhere", "[suggest]", "[suggest:9]", "/", "/etc",
        "/etc/hostname", "/etc/hostname/x", "/nowhere/file", ".", "..", "~", "http://", "http://127.0.0.1:8080", "http://127.0.0.1:8080/",
        "http://127.0.0.1:8080/webhook", "http://127.0.0.1:8080/a/Webhook/", "http://127.0.0.1:99999", "http://[::1", "https://example.com?x=1", "ftp://example.com",
        "127.0.0.1:8080", "localhost:8080", "file:///etc/passwd", "http:8080", "mailto:a@b", "Host=127.0.0.1", "Host=127.0.0.1;Port=x", "Host", "Port=1",
        "amqp://a:b@127.0.0.1/", "amqp://", "amqp://%zz@h/", "P01", "P01.1", "FUZZ", "Z99", "a", "h", "video.completed", ".", "..", "true", "false", "null", "$(id)", "'", "\"",
        "a\nb", "\r", "\t", "\u001b[31m", "\u2028", "é", "日本語", "\U0001F600", "\uFFFD", "{0}", "%s", "{", "9393771b-625c-52d4-aacd-14b7678086ad",
        new string('9', 400), new string('x', 5_000),
    ];

    private readonly Random _random = new(seed);

    /// <summary>The next command line.</summary>
    public string[] Next()
    {
        var verb = Pick([.. root.Subcommands]);
        var words = new List<string>(_random.Next(50) == 0 ? [] : [verb.Name]);
        for (var count = _random.Next(MostOptions); count > 0; count--)
        {
            words.AddRange(NextOption(verb));
        }

        if (_random.Next(5) == 0)
        {
            words.Insert(_random.Next(words.Count + 1), Pick(Values));
        }

        return [.. words];
    }

    /// <summary>Parses and checks, and evaluates every value as the verb does before it begins. Nothing is run.</summary>
    /// <returns>The error; null when the verb would run.</returns>
    public string? Check(string[] args)
    {
        var arguments = CommandLine.Parse(root, args);
        var error = CommandLine.FindError(PlatformCommands.Program, arguments);
        if (error is null)
        {
            foreach (var option in arguments.CommandResult.Command.Options)
            {
                arguments.GetResult(option)?.GetValueOrDefault<object>();
            }
        }

        return error;
    }

    private IEnumerable<string> NextOption(Command verb)
    {
        var name = verb.Options.Count == 0 || _random.Next(20) == 0 ? Pick(Values) : Pick([.. verb.Options]).Name;
        return _random.Next(8) switch
        {
            0 => [name],
            1 => [$"{name}={Pick(Values)}"],
            2 => [name, Pick(Values), Pick(Values)],
            3 => [$"{name}:{Pick(Values)}"],
            _ => [name, Pick(Values)],
        };
    }

    private T Pick<T>(T[] choices) => choices[_random.Next(choices.Length)];
}
