using System.Threading.Channels;
using Platform.DevStack;

[assembly: AssemblyFixture(typeof(Platform.IntegrationTests.ServersFixture))]
// Most tests wait most of the time: more than one for each processor.
[assembly: TestCollectionOrderer(typeof(Platform.IntegrationTests.LongestFirst))]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.Collections, MaxThreads = Platform.IntegrationTests.ServersFixture.TestsAtOnce)]

namespace Platform.IntegrationTests;

/// <summary>Collection of the tests that expect silence: nothing runs in parallel with it.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Undisturbed
{
    public const string Name = "undisturbed";
}

/// <summary>One broker and one PostgreSQL for the whole run.</summary>
public sealed class ServersFixture : IAsyncLifetime
{
    public const int TestsAtOnce = 6;

    // The platform's queues have fixed names, so a virtual host serves one test at a time.
    private readonly Channel<string> _virtualHosts = Channel.CreateUnbounded<string>();
    private TestServers? _servers;
    private TestFolder? _folder;

    public TestServers Servers => _servers ?? throw new InvalidOperationException("Not started.");

    public TestFolder Folder => _folder ?? throw new InvalidOperationException("Not started.");

    public async ValueTask InitializeAsync()
    {
        _folder = await TestFolder.CreateAsync(TestContext.Current.CancellationToken);
        _servers = await TestServers.StartAsync(withBroker: true, TestContext.Current.CancellationToken);
        foreach (var address in await _servers.AddVirtualHostsAsync(TestsAtOnce, TestContext.Current.CancellationToken))
        {
            ReturnVirtualHost(address);
        }
    }

    /// <summary>Waits for a virtual host that no test uses.</summary>
    /// <returns>Its address; to be returned.</returns>
    public ValueTask<string> BorrowVirtualHostAsync(CancellationToken cancellationToken) => _virtualHosts.Reader.ReadAsync(cancellationToken);

    public void ReturnVirtualHost(string address) => _virtualHosts.Writer.TryWrite(address);

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
