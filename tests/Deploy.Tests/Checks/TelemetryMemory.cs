using Microsoft.Extensions.Configuration;
using Platform.ServiceDefaults.Telemetry;

namespace Deploy.Tests.Checks;

/// <summary>The memory of the queues in front of a collector that is slow or down.</summary>
internal static class TelemetryMemory
{
    // Metrics have no queue.
    private static readonly (string Signal, string Size)[] Queues = [("TRACES", "OTEL_BSP_MAX_QUEUE_SIZE"), ("LOGS", "OTEL_BLRP_MAX_QUEUE_SIZE")];

    /// <returns>Bytes; 0 when nothing is exported.</returns>
    public static long Sum(IConfiguration configuration) => Queues
        .Where(queue => configuration.Exports(queue.Signal))
        .Sum(queue => Math.Max(configuration.GetValue<long>(queue.Size), OtlpSettings.MinQueueSize) * ExportRoom.PlaceBytes);
}
