namespace Processor.Worker.Jobs;

/// <summary>
/// Limits how much of a signed body is copied into rows, messages and notifications. Far beyond real events: a body may have 256 KiB, and
/// one had 42,361 downloads. The body itself is stored in full (<c>webhook_bodies</c>).
/// </summary>
internal static class JobLimits
{
    /// <summary>Files of one job. The sender's tools make up to 16 (<c>magic-hour/contract.md</c>).</summary>
    public const int Downloads = 100;

    /// <summary>Characters of a URL; longer ones are dropped.</summary>
    public const int Url = 2048;

    /// <summary>Characters of all URLs of one job; real jobs have up to 16,000.</summary>
    public const int AllUrls = 32 * 1024;

    /// <summary>Characters of a name or an error message; longer ones are truncated.</summary>
    public const int Text = 2000;

    /// <summary>Characters of an error code, a tool's name or a time.</summary>
    public const int Code = 100;

    /// <summary>Truncates text without splitting a surrogate pair.</summary>
    public static string? Cut(string? text, int maxLength) => text is null || text.Length <= maxLength
        ? text
        : text[..(char.IsHighSurrogate(text[maxLength - 1]) ? maxLength - 1 : maxLength)];
}
