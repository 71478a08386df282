using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Accounting;

/// <summary>When an accepted event that has not arrived is missing. Section <c>Accounting</c>.</summary>
internal sealed class AccountingOptions
{
    public const string Section = "Accounting";

    /// <summary>
    /// How long after its ingress's report an event may arrive. The report waits in the same queue, so the time that events wait there does not count. A restart of the broker,
    /// or of a worker that holds messages, must fit. 1 second to 1 day; default 5 minutes.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(5);
}
