namespace Processor.Worker.Rebuild;

/// <summary>What to rebuild.</summary>
/// <param name="JobId">Only this job; null for all.</param>
/// <param name="IsCheck">Names what differs, and writes nothing.</param>
internal sealed record RebuildRequest(string? JobId, bool IsCheck)
{
    /// <summary>Parses the options. Unknown ones are rejected: a misspelt <c>--check</c> must not write anything.</summary>
    public static bool TryParse(string[] options, out RebuildRequest request, out string error)
    {
        request = new RebuildRequest(null, false);
        error = "";
        for (var i = 0; i < options.Length && error.Length == 0; i++)
        {
            switch (options[i])
            {
                case "--check": request = request with { IsCheck = true }; break;
                case "--job" when request.JobId is null && i + 1 < options.Length && options[i + 1] is [not '-', ..] id: (request, i) = (request with { JobId = id }, i + 1); break;
                case "--job": error = "--job takes the id of one job."; break;
                default: error = $"rebuild has no option '{options[i]}'."; break;
            }
        }

        return error.Length == 0;
    }
}
