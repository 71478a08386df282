using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Processor.Worker.Jobs;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Tests;

/// <summary>Parts of the reconciler, and checks as they are claimed.</summary>
internal static class Reconciling
{
    public static CheckSchedule Schedule { get; } = new(TimeSpan.FromMinutes(2));

    public static JobCheck Check { get; } = new()
    {
        JobId = "j",
        Kind = "video",
        State = CheckState.Waiting,
        NextCheckAt = Deliveries.Noon.AddMinutes(5),
        Since = Deliveries.Noon,
    };

    public static DueCheck Due(JobStatus status = JobStatus.Rendering) => new(Check, status);

    public static MagicHourKey Key(string key, string file = "", TimeProvider? time = null) => new(
        Options.Create(new MagicHourApiOptions { Key = key, KeyFile = file }),
        new HostingEnvironment { EnvironmentName = "Production" }, time ?? TimeProvider.System, NullLogger<MagicHourKey>.Instance);
}
