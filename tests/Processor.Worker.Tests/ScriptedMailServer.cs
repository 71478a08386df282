using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Processor.Worker.Tests;

/// <summary>
/// A mail server that follows a script: it answers the greeting, each command and the end of a message as specified, and accepts everything
/// by default. Commands that arrive together are answered one by one, as with PIPELINING.
/// </summary>
internal sealed class ScriptedMailServer : IAsyncDisposable
{
    /// <summary>Key of <see cref="Script"/> for the server's greeting.</summary>
    public const string Greeting = "greeting";

    /// <summary>Key of <see cref="Script"/> for the end of a message.</summary>
    public const string Message = ".";

    /// <summary>As a reply: closes the connection without one.</summary>
    public const string HangUp = "";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentBag<Task> _sessions = [];
    private readonly Task _accepting;
    private int _open;
    private int _opened;

    public ScriptedMailServer()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Replies that differ from the default, by the verb of the command, <see cref="Greeting"/> or <see cref="Message"/>.</summary>
    public ConcurrentDictionary<string, string> Script { get; } = new();

    /// <summary>The extensions that the server offers after EHLO.</summary>
    public string[] Extensions { get; init; } = ["8BITMIME", "ENHANCEDSTATUSCODES"];

    /// <summary>Must complete before a message is accepted; holds a session in its current state.</summary>
    public Func<Task> BeforeMessage { get; set; } = () => Task.CompletedTask;

    /// <summary>Command lines of all sessions, in order of arrival.</summary>
    public ConcurrentQueue<string> Commands { get; } = new();

    /// <summary>Accepted messages, as received on the wire.</summary>
    public ConcurrentQueue<string> Messages { get; } = new();

    /// <summary>Connections that the client has not closed.</summary>
    public int OpenConnections => Volatile.Read(ref _open);

    /// <summary>Connections since the start.</summary>
    public int OpenedConnections => Volatile.Read(ref _opened);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_sessions).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var client = await _listener.AcceptTcpClientAsync(_stopping.Token);
            _sessions.Add(ServeAsync(client));
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        Interlocked.Increment(ref _opened);
        Interlocked.Increment(ref _open);
        try
        {
            using var connection = client;
            using var reader = new StreamReader(connection.GetStream(), new UTF8Encoding(false));
            await using var writer = new StreamWriter(connection.GetStream(), new UTF8Encoding(false)) { NewLine = "\r\n" };
            await TalkAsync(reader, writer);
        }
        catch (IOException)
        {
            // The client has closed the connection.
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    private async Task TalkAsync(StreamReader reader, StreamWriter writer)
    {
        var more = await ReplyAsync(writer, Greeting);
        while (more && await reader.ReadLineAsync(_stopping.Token) is { } command)
        {
            Commands.Enqueue(command);
            var verb = command.Split(' ', ':')[0].ToUpperInvariant();
            more = await ReplyAsync(writer, verb) && verb != "QUIT";
            if (more && verb == "DATA" && Read("DATA").StartsWith('3'))
            {
                more = await TakeMessageAsync(reader, writer);
            }
        }
    }

    private async Task<bool> TakeMessageAsync(StreamReader reader, StreamWriter writer)
    {
        var message = new StringBuilder();
        while (await reader.ReadLineAsync(_stopping.Token) is { } line and not Message)
        {
            message.AppendLine(line);
        }

        await BeforeMessage().WaitAsync(_stopping.Token);
        if (Read(Message).StartsWith('2'))
        {
            Messages.Enqueue(message.ToString());
        }

        return await ReplyAsync(writer, Message);
    }

    /// <returns>False when the connection must be closed.</returns>
    private async Task<bool> ReplyAsync(StreamWriter writer, string step)
    {
        var reply = Read(step);
        if (reply == HangUp)
        {
            return false;
        }

        await writer.WriteLineAsync(reply.AsMemory(), _stopping.Token);
        await writer.FlushAsync(_stopping.Token);
        return true;
    }

    private string Read(string step) => Script.TryGetValue(step, out var reply) ? reply : step switch
    {
        Greeting => "220 localhost ESMTP",
        "EHLO" => string.Join("\r\n", ["250-localhost", .. Extensions.Select(extension => $"250-{extension}"), "250 HELP"]),
        "AUTH" => "235 2.7.0 Authenticated",
        "DATA" => "354 Go ahead",
        "QUIT" => "221 2.0.0 Bye",
        _ => "250 2.0.0 OK",
    };
}
