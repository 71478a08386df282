using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>Writes for single messages to a database, with their outage.</summary>
internal sealed class RunningWrites : IDisposable
{
    public RunningWrites(TestDatabase database)
    {
        Outage = new DatabaseOutage(database.Source, TimeProvider.System, NullLogger<DatabaseOutage>.Instance);
        Writes = new SingleWrites(database.Source, Outage, new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance));
    }

    public DatabaseOutage Outage { get; }

    public SingleWrites Writes { get; }

    public void Dispose()
    {
        Writes.Dispose();
        Outage.Dispose();
    }
}
