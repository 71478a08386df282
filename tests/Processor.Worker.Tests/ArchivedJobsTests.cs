using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging.Abstractions;
using Processor.Worker.Archive;
using Processor.Worker.Downloads;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>What others see of the archive: links, and erasure.</summary>
public sealed class ArchivedJobsTests(PostgresFixture postgres, ObjectStoreFixture server) : IClassFixture<ObjectStoreFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_API_returns_links_to_the_archive_that_open()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        await CompleteAsync(database, host, expiresIn: TimeSpan.FromMinutes(5));
        await lab.RunAsync();
        await using var app = await StartAsync(database, lab);
        using var http = Client(app, Key);

        var shown = (await http.GetFromJsonAsync<JsonElement>("/jobs/j", Cancel)).GetProperty("downloads");
        using var posted = await http.PostAsync(new Uri("/jobs/j/downloads", UriKind.Relative), content: null, Cancel);
        var refreshed = (await posted.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("downloads");

        foreach (var file in new[] { Assert.Single(shown.EnumerateArray()), Assert.Single(refreshed.EnumerateArray()) })
        {
            Assert.Equal((3, Convert.ToHexStringLower(SHA256.HashData(host.Content))), (file.GetProperty("size").GetInt64(), file.GetProperty("sha256").GetString()));
            Assert.InRange(file.GetProperty("expiresAt").GetDateTimeOffset() - TimeProvider.System.GetUtcNow(), TimeSpan.FromHours(23), TimeSpan.FromHours(25));
            using var anyone = new HttpClient();
            Assert.Equal(host.Content, await anyone.GetByteArrayAsync(new Uri(file.GetProperty("url").GetString()!), Cancel));
        }
    }

    [Theory]
    [InlineData(5, true)]
    [InlineData(300, false)]
    public async Task A_notification_whose_URL_would_expire_soon_links_to_the_archive(int minutesLeft, bool isLinked)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        await CompleteAsync(database, host, TimeSpan.FromMinutes(minutesLeft));
        await lab.RunAsync();
        var downloads = new NotificationDownloads(
            new FreshDownloads(new DownloadRefreshes(database.Source, TimeProvider.System), TimeProvider.System), lab.Links, TimeProvider.System,
            NullLogger<NotificationDownloads>.Instance);
        var delivery = new NotificationDelivery
        {
            JobId = "j",
            Outcome = JobStatus.Completed,
            Channel = "webhook",
            Attempt = 1,
            DecidedAt = TimeProvider.System.GetUtcNow(),
            Address = "https://example.com",
            UserId = null,
            Status = JobStatus.Completed,
            Resource = "video",
            Downloads = VisibleDownload.FromJson(Assert.Single(await database.QueryAsync("select downloads::text from jobs"))),
        };

        var sent = await downloads.RefreshAsync(delivery, Cancel);

        Assert.Equal(isLinked, Assert.Single(sent.Downloads).Url.StartsWith(server.Endpoint.AbsoluteUri, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_that_is_not_archived_keeps_the_URL_of_the_sender()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        await CompleteAsync(database, host, expiresIn: TimeSpan.FromHours(5));
        await using var app = await StartAsync(database, lab);
        using var http = Client(app, Key);

        var shown = (await http.GetFromJsonAsync<JsonElement>("/jobs/j", Cancel)).GetProperty("downloads");

        Assert.Equal($"{host.Url}/j/output.mp4?sig=1", Assert.Single(shown.EnumerateArray()).GetProperty("url").GetString());
    }

    [Fact]
    public async Task An_erasure_removes_the_archived_files_and_may_be_repeated()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        await CompleteAsync(database, host, expiresIn: TimeSpan.FromHours(5));
        await lab.RunAsync();
        var key = Assert.Single(await database.QueryAsync("select object_key from archived_downloads"));
        await using var app = await StartAsync(database, lab);

        await Erasing.EraseAsync(app, "j");
        var remembered = await database.QueryAsync("select concat_ws(' ', state, size, sha256) from archived_downloads");
        await Erasing.EraseAsync(app, "j");
        lab.Time.Advance(TimeSpan.FromMinutes(1));
        await lab.RunAsync();
        await lab.RunAsync();

        Assert.Equal(["erasing"], remembered);
        Assert.Empty(await database.QueryAsync("select job_id from archived_downloads"));
        Assert.Null(await lab.ReadAsync(key));
    }

    [Fact]
    public async Task A_file_that_the_store_does_not_delete_is_remembered()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        await CompleteAsync(database, host, expiresIn: TimeSpan.FromHours(5));
        await lab.RunAsync();
        await database.ExecuteAsync("select erase_job('j', now())");
        lab.Time.Advance(TimeSpan.FromMinutes(1));
        var due = Assert.Single(await lab.FindDueAsync(ArchiveState.Erasing));
        lab.Settings.Bucket = "no-such-bucket";
        await lab.Files.EraseAsync(due, Cancel);
        var remembered = await database.QueryAsync("select concat_ws(' ', state, attempts) from archived_downloads");

        Assert.Equal(["erasing 1"], remembered);
        Assert.Empty(await lab.FindDueAsync(ArchiveState.Erasing));
    }

    [Fact]
    public async Task A_job_that_is_erased_while_it_is_copied_leaves_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        await CompleteAsync(database, host, expiresIn: TimeSpan.FromHours(5));
        host.Answer = async http =>
        {
            await database.ExecuteAsync("select erase_job('j', now())");
            await http.Response.Body.WriteAsync(RandomNumberGenerator.GetBytes(Archiving.DownloadCopier.PartSize / 2), http.RequestAborted);
        };

        await lab.RunAsync();
        var key = Assert.Single(await database.QueryAsync("select object_key from archived_downloads where state = 'erasing'"));
        var left = await lab.ReadAsync(key);
        lab.Time.Advance(TimeSpan.FromMinutes(1));
        await lab.RunAsync();

        Assert.Null(left);
        Assert.Empty(await database.QueryAsync("select job_id from archived_downloads"));
    }

    [Fact]
    public async Task A_file_that_was_added_beside_the_erasure_of_its_job_is_erased()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        await Erasing.FillAsync(database, "j");
        await database.ExecuteAsync(
            """
            select erase_job('j', now());
            insert into archived_downloads (job_id, file_id, state, object_key, attempts, next_attempt_at, created_at) values ('j', 'f', 'copying', 'k', 0, now(), now())
            """);

        lab.Time.Advance(TimeSpan.FromMinutes(1));
        await lab.RunAsync();

        Assert.Empty(await database.QueryAsync("select job_id from archived_downloads"));
    }

    private static Task<WebApplication> StartAsync(TestDatabase database, ArchiveLab lab) => StartInAsync(
        "Development", database.ConnectionString, [Key], time: null,
        new("Archive:Endpoint", lab.Settings.Endpoint!.AbsoluteUri),
        new("Archive:Bucket", lab.Settings.Bucket),
        new("Archive:AccessKey", lab.Settings.AccessKey),
        new("Archive:SecretKey", lab.Settings.SecretKey));

    private static async Task CompleteAsync(TestDatabase database, DownloadHost host, TimeSpan expiresIn) => await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
        $$"""{"type":"video.completed","payload":{"id":"j","downloads":[{"url":"{{host.Url}}/j/output.mp4?sig=1","expires_at":"{{TimeProvider.System.GetUtcNow() + expiresIn:O}}"}]} }""")));
}
