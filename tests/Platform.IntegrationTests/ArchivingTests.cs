using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Platform.DevStack;
using Platform.Simulator.Api;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>A large download on its whole way: a job of a simulated Magic Hour, its webhook, a worker that is killed in the middle of the copy, a real S3 server.</summary>
public sealed class ArchivingTests(ServersFixture servers)
{
    private const string SizeVariable = "TEST_ARCHIVE_BYTES";
    private const int Period = 251;

    // Once most of the code has run, and the pool has its buffers.
    private const double SettledAfter = 0.15;

    // 20 MB up or down.
    private const double FlatMegabytes = 40;

    // 1,000,000,000 takes minutes, and twice as much memory of the S3 server.
    private static long Size => long.Parse(Environment.GetEnvironmentVariable(SizeVariable) ?? "200000000", CultureInfo.InvariantCulture);

    [Fact]
    public async Task A_worker_that_is_killed_in_the_middle_of_a_copy_continues_it_with_flat_memory()
    {
        await using var platform = await CreateAsync(servers);
        var store = await ObjectStore.StartAsync(Path.Combine(platform.Folder.Path, "moto"), platform.Folder.Daemons, Cancel);
        Assert.SkipWhen(store is null, ObjectStore.Requirement);
        using var http = new HttpClient();
        using (var bucket = await http.PutAsync(new Uri(store, "files"), content: null, Cancel))
        {
            bucket.EnsureSuccessStatusCode();
        }

        await platform.StartIngressAsync();
        await platform.StartWorkerAsync(roles: "consume");
        await using var magicHour = await SimulatedMagicHour.StartAsync(
            new SimulatedMagicHourOptions
            {
                Webhook = new WebhookSettings(platform.Ingresses[0].Webhook, Secret),
                Speed = 1000,
                Switches = new ApiSwitches { DownloadBytes = Size },
            },
            TimeProvider.System,
            Cancel);
        var jobId = await CreateJobAsync(magicHour);
        await platform.CountAsync(1, "select count(*) from jobs where status = 'completed'");

        var first = await platform.StartWorkerAsync(settings: Settings(store), roles: "archive");
        var memory = await WatchAsync(platform, first, worker: 1, until: 0.5);
        await first.KillAsync(Cancel);
        var second = await platform.StartWorkerAsync(settings: Settings(store), roles: "archive");
        var rest = await WatchAsync(platform, second, worker: 2, until: 0.4);
        await Waiting.UntilAsync(
            "it is archived", async () => await platform.QueryAsync<long>("select count(*) from archived_downloads where state = 'stored'") == 1, Cancel,
            TimeSpan.FromMinutes(8));
        // While the object is read back as well.
        rest.Add(ReadMegabytes(second));

        TestContext.Current.SendDiagnosticMessage(
            "{0} bytes; memory {1:0} to {2:0} MB, after the kill {3:0} to {4:0} MB", Size, memory.Min(), memory.Max(), rest.Min(), rest.Max());
        Assert.InRange(memory.Max() - memory.Min(), 0, FlatMegabytes);
        Assert.InRange(rest.Max() - rest.Min(), 0, FlatMegabytes);
        Assert.Equal(Size, await platform.QueryAsync<long>("select size from archived_downloads"));
        Assert.Equal(HashContent(), await platform.QueryAsync<string>("select encode(sha256, 'hex') from archived_downloads"));
        // The first half was not copied again.
        var copied = (await Scrape.ReadAsync(platform.Workers[2], Cancel)).Sum("archive_copied_bytes_total");
        Assert.InRange(copied, 1, 0.7 * Size);
        Assert.Equal((2, 0), (magicHour.Calls.Report().Downloads.Served, magicHour.Calls.Report().Downloads.WithKey));
        Assert.StartsWith($"{jobId}/", await platform.QueryAsync<string>("select object_key from archived_downloads"), StringComparison.Ordinal);
    }

    private static async Task<string> CreateJobAsync(SimulatedMagicHour magicHour)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", magicHour.ApiKey);
        using var created = await http.PostAsync(new Uri($"{magicHour.Url}/v1/text-to-video"), content: null, Cancel);
        return (await created.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("id").GetString()!;
    }

    /// <summary>Watches the memory of a worker until it has copied a share of the file.</summary>
    private static async Task<List<double>> WatchAsync(TestPlatform platform, ServerProcess process, int worker, double until)
    {
        var memory = new List<double>();
        await Waiting.UntilAsync(
            "a part of the file is copied",
            async () =>
            {
                var copied = (await Scrape.ReadAsync(platform.Workers[worker], Cancel)).Sum("archive_copied_bytes_total");
                if (copied > SettledAfter * Size)
                {
                    memory.Add(ReadMegabytes(process));
                }

                return copied >= until * Size;
            },
            Cancel,
            TimeSpan.FromMinutes(8));
        return memory;
    }

    private static double ReadMegabytes(ServerProcess process)
    {
        var line = File.ReadLines($"/proc/{process.Daemon.Pid}/status").Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
    }

    /// <summary>Of the content that the simulated Magic Hour serves.</summary>
    private static string HashContent()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] block = [.. Enumerable.Range(0, Period * 4096).Select(position => (byte)(position % Period))];
        for (var left = Size; left > 0; left -= block.Length)
        {
            hash.AppendData(block, 0, (int)Math.Min(left, block.Length));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static Dictionary<string, string?> Settings(Uri store) => new()
    {
        ["DOTNET_ENVIRONMENT"] = "Development",
        ["Archive__Endpoint"] = store.AbsoluteUri,
        ["Archive__Bucket"] = "files",
        ["Archive__AccessKey"] = "archive",
        ["Archive__SecretKey"] = "the secret of the archive, for tests",
        ["OutgoingWebhooks__AllowedTargets__0"] = "127.0.0.0/8",
    };
}
