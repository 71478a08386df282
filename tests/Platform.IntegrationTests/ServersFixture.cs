using Platform.LocalStack;

[assembly: AssemblyFixture(typeof(Platform.IntegrationTests.ServersFixture))]
// All tests share one broker, and its queues have fixed names.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Platform.IntegrationTests;

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
