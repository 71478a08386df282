using System.ComponentModel.DataAnnotations;

namespace Ingress.Api.Publishing;

/// <summary>How the ingress reports what it has accepted. Section <c>Accounting</c>.</summary>
internal sealed class AccountingOptions
{
    public const string Section = "Accounting";

    /// <summary>
    /// Interval of the reports of confirmed publishes. What an ingress accepted after its last report is unaccounted if it is killed. 1 second to 1 minute;
    /// default 10 seconds.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan ReportInterval { get; set; } = TimeSpan.FromSeconds(10);
}
