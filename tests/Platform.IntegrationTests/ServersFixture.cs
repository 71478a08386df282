using Platform.LocalStack;

[assembly: AssemblyFixture(typeof(Platform.IntegrationTests.ServersFixture))]
// They share one broker, whose queues have fixed names, and so run one after the other: but for those that have a broker of their own.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.Collections)]

namespace Platform.IntegrationTests;

/// <summary>The collection of those that use only a broker of their own: it runs beside the others.</summary>
internal static class OwnBrokers
{
    public const string Name = "own brokers";
}

/// <summary>The collection of those that look how fast, or how silent, all is: nothing runs beside it.</summary>
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
