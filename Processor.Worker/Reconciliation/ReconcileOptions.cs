using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Reconciliation;

/// <summary>How jobs without an end are looked up in Magic Hour's API. Section <c>Reconcile</c>.</summary>
internal sealed class ReconcileOptions
{
    public const string Section = "Reconcile";

    /// <summary>
    /// Minimum time from the creation of a job to its first check; a tool that usually takes longer is given three times its median. 1 second to
    /// 1 day; default 2 minutes.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan FirstAfter { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Maximum number of requests in any second, by all replicas together. 1 to 100; default 5.</summary>
    [Range(1, 100)]
    public int RequestsPerSecond { get; set; } = 5;

    /// <summary>
    /// Factor on all other times of the schedule, for a simulated Magic Hour whose jobs take seconds. 0.0001 to 1; default 1.
    /// </summary>
    [Range(0.0001, 1.0)]
    public double TimeScale { get; set; } = 1;
}
