using Platform.DevStack;

[assembly: AssemblyFixture(typeof(Platform.IntegrationTests.ServersFixture))]
// These tests share one broker, whose queues have fixed names, so they run one after another, except those with their own broker.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.Collections)]

namespace Platform.IntegrationTests;

/// <summary>Collection of the tests that use only their own broker: it runs in parallel with the others.</summary>
internal static class OwnBrokers
{
    public const string Name = "own brokers";
}

/// <summary>Collection of the tests that measure time or expect silence: nothing runs in parallel with it.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Undisturbed
{
    public const string Name = "undisturbed";
}

/// <summary>One broker and one PostgreSQL for the whole run.</summary>
public sealed class ServersFixture : IAsyncLifetime
{
    private TestServers? _servers;
    private TestFolder? _folder;

    public TestServers Servers => _servers ?? throw new InvalidOperationException("Not started.");

    public TestFolder Folder => _folder ?? throw new InvalidOperationException("Not started.");

    public async ValueTask InitializeAsync()
    {
        _folder = await TestFolder.CreateAsync(TestContext.Current.CancellationToken);
        _servers = await TestServers.StartAsync(withBroker: true, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_folder is not null)
        {
            await _folder.DisposeAsync();
        }

        if (_servers is not null)
        {
            await _servers.DisposeAsync();
        }
    }
}
