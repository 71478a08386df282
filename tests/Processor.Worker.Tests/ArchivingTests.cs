using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Platform.DevStack;
using Processor.Worker.Archive;
using Processor.Worker.Backlog;
using Processor.Worker.Downloads;
using Processor.Worker.Jobs;

namespace Processor.Worker.Tests;

/// <summary>Downloads of completed jobs are copied to a real S3 server, once, whatever interrupts it.</summary>
public sealed class ArchivingTests(PostgresFixture postgres, ObjectStoreFixture server) : IClassFixture<ObjectStoreFixture>
{
    private const int Part = Archiving.DownloadCopier.PartSize;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(Part)]
    [InlineData((2 * Part) + 1000)]
    public async Task A_download_is_stored_with_its_size_and_hash_and_its_host_gets_no_credential(int size)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        host.Content = RandomNumberGenerator.GetBytes(size);
        await CompleteAsync(database, host);

        await lab.RunAsync();
        await lab.RunAsync();

        Assert.Equal([$"stored {size} {Hash(host.Content)}"], await RowsAsync(database));
        Assert.Equal(host.Content, await lab.ReadAsync(await KeyAsync(database)));
        Assert.Equal(["/j/output.mp4"], host.Requests);
        Assert.Equal(0, host.WithCredentials);
        Assert.Matches("^downloads/j/[0-9a-f]{32}\\.mp4$", await KeyAsync(database));
    }

    [Fact]
    public async Task A_copy_that_broke_continues_after_its_last_part()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        host.Content = RandomNumberGenerator.GetBytes((2 * Part) + 1000);
        host.CutAfter = Part + 1000;
        host.CutOnce = () => Waiting.UntilAsync("the first part is stored", () => HasPartsAsync(database, lab, 1), Cancel);
        await CompleteAsync(database, host);
        await lab.RunAsync();
        Assert.Equal(["copying the connection broke"], await database.QueryAsync("select state || ' ' || last_error from archived_downloads"));
        host.CutAfter = null;

        lab.Time.Advance(TimeSpan.FromMinutes(1));
        await lab.RunAsync();

        Assert.Equal([$"stored {host.Content.Length} {Hash(host.Content)}"], await RowsAsync(database));
        Assert.Equal(host.Content, await lab.ReadAsync(await KeyAsync(database)));
        Assert.Equal(["/j/output.mp4", $"/j/output.mp4 bytes={Part}-"], host.Requests);
    }

    [Theory]
    [InlineData("\"two\"")]
    [InlineData(null)]
    public async Task A_copy_of_content_that_has_changed_or_cannot_be_recognised_begins_again(string? tag)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        host.Content = RandomNumberGenerator.GetBytes((2 * Part) + 1000);
        host.Tag = tag is null ? null : host.Tag;
        host.CutAfter = Part + 1000;
        host.CutOnce = () => Waiting.UntilAsync("the first part is stored", () => HasPartsAsync(database, lab, 1), Cancel);
        await CompleteAsync(database, host);
        await lab.RunAsync();
        host.Content = RandomNumberGenerator.GetBytes((2 * Part) + 1000);
        (host.CutAfter, host.Tag) = (null, tag);

        lab.Time.Advance(TimeSpan.FromMinutes(1));
        await lab.RunAsync();

        Assert.Equal([$"stored {host.Content.Length} {Hash(host.Content)}"], await RowsAsync(database));
        Assert.Equal(host.Content, await lab.ReadAsync(await KeyAsync(database)));
    }

    [Fact]
    public async Task A_copy_that_was_complete_but_not_recorded_is_recognised_without_its_host()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        host.Content = RandomNumberGenerator.GetBytes(Part + 1000);
        await CompleteAsync(database, host);
        var job = Assert.Single(await lab.Queue.FindNewAsync(Cancel));
        await lab.Queue.AddAsync(job, lab.Settings.Prefix, Cancel);
        // Dies before it records the outcome.
        await lab.Copier.CopyAsync(Assert.Single(await lab.FindDueAsync(ArchiveState.Copying)), job.Downloads[0].Url, Cancel);

        await lab.RunAsync();

        Assert.Equal([$"stored {host.Content.Length} {Hash(host.Content)}"], await RowsAsync(database));
        Assert.Single(host.Requests);
    }

    [Fact]
    public async Task A_copy_that_has_all_parts_and_was_not_completed_is_completed()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        host.Content = RandomNumberGenerator.GetBytes(Part);
        await CompleteAsync(database, host);
        await lab.Queue.AddAsync(Assert.Single(await lab.Queue.FindNewAsync(Cancel)), lab.Settings.Prefix, Cancel);
        var row = Assert.Single(await lab.FindDueAsync(ArchiveState.Copying));
        row = row with { UploadId = await lab.Store.BeginAsync(row.ObjectKey, "video/mp4", Cancel), SourceTag = host.Tag };
        Assert.True(await lab.Queue.BeginAsync(row, Cancel));
        await lab.Store.UploadAsync(row.ObjectKey, row.UploadId, 1, new MemoryStream(host.Content), Cancel);

        await lab.RunAsync();

        Assert.Equal([$"stored {Part} {Hash(host.Content)}"], await RowsAsync(database));
        Assert.Equal([$"/j/output.mp4 bytes={Part}-"], host.Requests);
    }

    [Fact]
    public async Task An_expired_URL_is_replaced_by_a_fresh_one()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        host.Answer = http =>
        {
            http.Response.StatusCode = http.Request.Query["sig"] == "fresh" ? StatusCodes.Status200OK : StatusCodes.Status403Forbidden;
            return Task.CompletedTask;
        };
        await CompleteAsync(database, host);
        await lab.RunAsync();
        lab.Time.Advance(TimeSpan.FromMinutes(1));
        var refreshes = new DownloadRefreshes(database.Source, lab.Time);

        var running = lab.RunAsync();
        await refreshes.AnswerNextAsync(new RefreshAnswer(
            RefreshState.Refreshed, "completed", VisibleDownload.ToJson([new Download($"{host.Url}/j/output.mp4?sig=fresh", null, Deliveries.Noon, 0)])));
        await running;

        Assert.Equal([$"stored 0 {Hash([])}"], await RowsAsync(database));
    }

    [Theory]
    [InlineData("Production", "127.0.0.0/8", "http://127.0.0.1:1/x.mp4", "its URL does not begin with https://")]
    [InlineData("Development", "127.0.0.0/8", "http://videos.magichour.ai/x.mp4", "its URL does not begin with https://")]
    [InlineData("Development", "127.0.0.0/8", "file:///etc/passwd", "its URL does not begin with https://")]
    [InlineData("Production", null, "https://127.0.0.1:1/x.mp4", "its host is inside the platform's network, or denied")]
    [InlineData("Production", null, "https://10.0.0.1/x.mp4", "its host is inside the platform's network, or denied")]
    [InlineData("Production", null, "https://[::1]/x.mp4", "its host is inside the platform's network, or denied")]
    [InlineData("Production", null, "https://localhost/x.mp4", "its host is inside the platform's network, or denied")]
    [InlineData("Production", "127.0.0.0/8", "https://169.254.169.254/latest/meta-data", "its host is inside the platform's network, or denied")]
    [InlineData("Production", null, "https://2130706433/x.mp4", "its host is inside the platform's network, or denied")]
    public async Task A_hostile_address_is_refused_for_good(string environment, string? allowed, string url, string reason)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server, environment, allowed is null ? [] : [allowed]);
        await CompleteAsync(database, url);

        await lab.RunAsync();

        Assert.Equal([$"failed {reason}"], await database.QueryAsync("select state || ' ' || last_error from archived_downloads"));
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var inside = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        host.Answer = http =>
        {
            http.Response.Redirect(inside.Url);
            return Task.CompletedTask;
        };
        await CompleteAsync(database, host);

        await lab.RunAsync();

        Assert.Equal(["copying HTTP 302"], await database.QueryAsync("select state || ' ' || last_error from archived_downloads"));
        Assert.Empty(inside.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_download_that_is_too_large_is_refused_and_leaves_nothing(bool saysSo)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server, maxBytes: Part + 10);
        host.Content = RandomNumberGenerator.GetBytes(2 * Part);
        host.Answer = saysSo ? null : async http => await http.Response.Body.WriteAsync(host.Content, http.RequestAborted);
        await CompleteAsync(database, host);

        await lab.RunAsync();

        var row = Assert.Single(await database.QueryAsync("select state || ' ' || last_error from archived_downloads"));
        Assert.Equal($"failed more than {Part + 10} bytes", row);
        Assert.Null(await lab.ReadAsync(await KeyAsync(database)));
        var upload = Assert.Single(await database.QueryAsync("select coalesce(upload_id, 'none') from archived_downloads"));
        Assert.Equal(saysSo, upload == "none");
        Assert.Null(await lab.Store.ListAsync(await KeyAsync(database), upload, Cancel));
    }

    [Fact]
    public async Task A_type_that_a_browser_would_run_is_stored_as_bytes()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        host.ContentType = "text/html";
        await CompleteAsync(database, host);

        await lab.RunAsync();

        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri(lab.Store.Sign(await KeyAsync(database), lab.Time.GetUtcNow().AddHours(1))), Cancel);
        Assert.Equal("application/octet-stream", answer.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task Only_what_is_not_archived_is_at_risk()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var host = await DownloadHost.StartAsync();
        await using var lab = await ArchiveLab.CreateAsync(database, server);
        await CompleteAsync(database, host);
        var now = lab.Time.GetUtcNow();

        var before = await ArchiveBacklog.ReadAsync(database.Source, now, Cancel);
        await lab.RunAsync();
        var after = await ArchiveBacklog.ReadAsync(database.Source, now, Cancel);

        Assert.Equal(TimeSpan.FromHours(20).TotalSeconds, before.NearestExpiry!.Value.TotalSeconds, tolerance: 60);
        Assert.Null(after.NearestExpiry);
    }

    private static Task CompleteAsync(TestDatabase database, DownloadHost host) => CompleteAsync(database, $"{host.Url}/j/output.mp4?sig=stored");

    private static async Task CompleteAsync(TestDatabase database, string url) => await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
        $$"""{"type":"video.completed","payload":{"id":"j","downloads":[{"url":"{{url}}","expires_at":"{{TimeProvider.System.GetUtcNow().AddHours(20):O}}"}]} }""")));

    private static async Task<bool> HasPartsAsync(TestDatabase database, ArchiveLab lab, int count) =>
        await database.QueryAsync("select upload_id from archived_downloads where upload_id is not null") is [var upload]
        && await lab.Store.ListAsync(await KeyAsync(database), upload, Cancel) is { } parts && parts.Count == count;

    private static Task<string[]> RowsAsync(TestDatabase database) =>
        database.QueryAsync("select concat_ws(' ', state, size, encode(sha256, 'hex'), upload_id, last_error) from archived_downloads");

    private static async Task<string> KeyAsync(TestDatabase database) => Assert.Single(await database.QueryAsync("select object_key from archived_downloads"));

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
