using Platform.Simulator.Api;

namespace Platform.Simulator.Truth;

/// <summary>One job: what Magic Hour knows, what its webhooks reported, and which ends the platform may therefore show.</summary>
/// <param name="Ends">Usually one. The first is the end at Magic Hour.</param>
/// <param name="Delivered">The types of the events that were answered 2xx.</param>
internal sealed record TruthCase(string JobId, IReadOnlyList<string> Ends, IReadOnlyList<string> Delivered)
{
    /// <summary>Judges a job whose events are all delivered or lost.</summary>
    public static TruthCase From(SimulatedJob job, DateTimeOffset now)
    {
        var delivered = job.Events.Where(one => one.State is EventState.Delivered).Select(one => one.Type).ToArray();
        var reportsFailure = delivered.Contains($"{job.Tool.Kind}.errored");
        // A webhook that reports a completion is final: there is nothing to correct it with (ADR 9).
        string[] ends = delivered.Contains($"{job.Tool.Kind}.completed") ? ["completed"] : job.StatusAt(now) switch
        {
            JobStatus.Complete => ["completed", .. FindAlternatives("completed")],
            JobStatus.Error => ["failed", .. FindAlternatives("failed")],
            // Cancelled, or deleted before its end.
            _ => ["canceled"],
        };
        return new TruthCase(job.Id, ends, delivered);

        // No one can learn the end of a job that was deleted before it was asked about: what its webhook reported remains, otherwise it counts as
        // canceled.
        IEnumerable<string> FindAlternatives(string end) =>
            job.IsDeletedAt(now) && (reportsFailure ? "failed" : "canceled") is var other && other != end ? [other] : [];
    }
}
