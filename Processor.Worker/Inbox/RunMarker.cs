using Microsoft.Extensions.Options;
using Processor.Worker.Events;

namespace Processor.Worker.Inbox;

/// <summary>
/// A file that exists while this process runs. A clean stop deletes it, so finding it at start means that the last run did not end cleanly.
/// The file must be on a volume that outlives the container but not the pod.
/// </summary>
/// <param name="limits">Checks for the file before it is written.</param>
internal sealed class RunMarker(IOptions<EventOptions> options, ConsumerLimits limits) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return options.Value.RunMarker is { } file ? File.WriteAllTextAsync(file, "", cancellationToken) : Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        if (options.Value.RunMarker is { } file)
        {
            File.Delete(file);
        }

        return Task.CompletedTask;
    }
}
