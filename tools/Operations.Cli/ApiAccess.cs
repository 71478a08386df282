namespace Operations.Cli;

/// <summary>Address and key of an operations API.</summary>
internal sealed record ApiAccess(string Url, string? Key)
{
    /// <summary>The API of a worker in the same pod, at the worker's default port. Its keys are not used: a person has one of their own.</summary>
    public static ApiAccess OfThisPod() => new("http://127.0.0.1:8081", Key: null);
}

/// <summary>A command cannot do its work. The message is for the person who ran it.</summary>
public sealed class CommandException(string message) : Exception(message);
