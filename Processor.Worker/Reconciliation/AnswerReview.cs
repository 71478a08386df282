namespace Processor.Worker.Reconciliation;

/// <summary>What an answer says about the API and the key, and so about the next request, whatever it was asked for.</summary>
internal sealed partial class AnswerReview(AskingPause pause, ILogger<AnswerReview> logger)
{
    private string? _provenKey;

    /// <summary>The key has found some job, so it is of the right account.</summary>
    public bool IsProven(string key) => _provenKey == key;

    /// <returns>False when the answer allows no conclusion about the job, not even when to ask again.</returns>
    public bool Accept(Finding finding, string key)
    {
        if (finding.Kind is FindingKind.KeyRejected)
        {
            if (pause.RejectKey(key))
            {
                LogKeyRejected(logger);
            }

            return false;
        }

        if (finding.IsOutage)
        {
            pause.Fail(finding.RetryAfter);
            return true;
        }

        if (pause.IsKeyRejected)
        {
            LogKeyAccepted(logger);
        }

        pause.Succeed();
        _provenKey = finding.IsDescribed ? key : _provenKey;
        return true;
    }

    [LoggerMessage(LogLevel.Error, "Magic Hour's API rejects the key: no job is reconciled until it is accepted or replaced (MagicHourApi__Key, MagicHourApi__KeyFile)")]
    private static partial void LogKeyRejected(ILogger logger);

    [LoggerMessage(LogLevel.Information, "Magic Hour's API accepts the key again")]
    private static partial void LogKeyAccepted(ILogger logger);
}
