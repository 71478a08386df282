using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Platform.DevStack;
using Processor.Worker.Archive;
using Processor.Worker.Archiving;
using Processor.Worker.Downloads;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>A real S3 server, once for a class of tests.</summary>
public sealed class ObjectStoreFixture : IAsyncLifetime
{
    private TestFolder? _folder;
    private Uri? _endpoint;

    public Uri Endpoint
    {
        get
        {
            Assert.SkipWhen(_endpoint is null, ObjectStore.Requirement);
            return _endpoint;
        }
    }

    public async ValueTask InitializeAsync()
    {
        _folder = await TestFolder.CreateAsync(TestContext.Current.CancellationToken);
        _endpoint = await ObjectStore.StartAsync(_folder.Path, _folder.Daemons, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync() => await (_folder?.DisposeAsync() ?? ValueTask.CompletedTask);
}

/// <summary>The role <c>archive</c> in this process, step by step, with a bucket of its own.</summary>
internal sealed class ArchiveLab : IAsyncDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly DownloadSource _source;

    private ArchiveLab(TestDatabase database, ArchiveOptions options, string environment, string[] allowedTargets)
    {
        Settings = options;
        var wrapped = Options.Create(options);
        var guard = new TargetGuard(
            Options.Create(new OutgoingWebhookOptions { AllowedTargets = allowedTargets }), (host, token) => System.Net.Dns.GetHostAddressesAsync(host, token));
        var metrics = new ProcessorMetrics(_services.GetRequiredService<IMeterFactory>());
        Store = new ArchiveStore(wrapped);
        Queue = new ArchiveQueue(database.Source, Time);
        _source = new DownloadSource(guard, new HostingEnvironment { EnvironmentName = environment });
        Copier = new DownloadCopier(_source, Store, Queue, metrics, wrapped);
        Files = new FileArchiver(
            Queue, Store, Copier, new FreshDownloads(new DownloadRefreshes(database.Source, Time), TimeProvider.System), metrics, Time, NullLogger<FileArchiver>.Instance);
        Links = new ArchiveLinks(database.Source, Store, wrapped, TimeProvider.System);
    }

    public FakeTimeProvider Time { get; } = new(TimeProvider.System.GetUtcNow());

    public ArchiveOptions Settings { get; }

    public ArchiveStore Store { get; }

    public ArchiveQueue Queue { get; }

    public DownloadCopier Copier { get; }

    public FileArchiver Files { get; }

    public ArchiveLinks Links { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<ArchiveLab> CreateAsync(
        TestDatabase database, ObjectStoreFixture server, string environment = "Development", string[]? allowedTargets = null, long maxBytes = 1L << 30)
    {
        var options = new ArchiveOptions
        {
            Endpoint = server.Endpoint,
            Bucket = $"bucket-{Guid.NewGuid():N}",
            Prefix = "downloads/",
            AccessKey = "archive",
            SecretKey = "the secret of the archive, for tests",
            MaxBytes = maxBytes,
        };
        using var http = new HttpClient();
        using var created = await http.PutAsync(new Uri(server.Endpoint, options.Bucket), content: null, Cancel);
        created.EnsureSuccessStatusCode();
        return new ArchiveLab(database, options, environment, allowedTargets ?? ["127.0.0.0/8"]);
    }

    /// <summary>Links while there is no archive.</summary>
    public static ArchiveLinks NoLinks(TestDatabase database)
    {
        var options = Options.Create(new ArchiveOptions());
        return new ArchiveLinks(database.Source, new ArchiveStore(options), options, TimeProvider.System);
    }

    /// <summary>Plans, copies what is due, and erases what is due.</summary>
    public async Task RunAsync()
    {
        foreach (var job in await Queue.FindNewAsync(Cancel))
        {
            await Queue.AddAsync(job, Settings.Prefix, Cancel);
        }

        await Queue.NoticeErasuresAsync(Cancel);
        foreach (var due in await FindDueAsync(ArchiveState.Erasing))
        {
            await Files.EraseAsync(due, Cancel);
        }

        foreach (var due in await FindDueAsync(ArchiveState.Copying))
        {
            await Files.CopyAsync(due, Cancel);
        }
    }

    public Task<IReadOnlyList<ArchivedDownload>> FindDueAsync(ArchiveState state) => Queue.FindDueAsync(state, 100, [], Cancel);

    /// <returns>Null when there is no such object.</returns>
    public async Task<byte[]?> ReadAsync(string key)
    {
        await using var content = await Store.OpenAsync(key, Cancel);
        if (content is null)
        {
            return null;
        }

        using var bytes = new MemoryStream();
        await content.CopyToAsync(bytes, Cancel);
        return bytes.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        _source.Dispose();
        Store.Dispose();
        await _services.DisposeAsync();
    }
}
