using System.Net;
using System.Net.Http.Json;
using Processor.Worker.Inbox;
using Processor.Worker.Reconciliation;
using Processor.Worker.Registration;
using static Processor.Worker.Tests.Erasing;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>What arrives for a job after its data was erased has no effect, and is not stored.</summary>
public sealed class AfterAnErasureTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_senders_retry_and_a_new_event_afterwards_change_nothing_and_store_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await FillAsync(database);
        await using var app = await StartAsync(database);
        await EraseAsync(app, Id);
        var before = await RowsAsync(database);

        var outcomes = await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event(Completed(Id))),
            Deliveries.Unit(Deliveries.Event($$"""{"type":"video.started","payload":{"id":"{{Id}}","name":"{{Secret}} again"} }""")),
            Deliveries.Unit(Deliveries.Event($$"""{"type":"video.errored","payload":{"id":"{{Id}}","name":"{{Secret}}","error":{"message":"{{Secret}}"} } }""")),
            Deliveries.Unit(Deliveries.Event("video.started", "another-job")));
        var again = await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.errored", Id)));

        Assert.Equal([CommitOutcome.Erased, CommitOutcome.Erased, CommitOutcome.Erased, CommitOutcome.New], outcomes);
        Assert.Equal([CommitOutcome.Erased], again);
        Assert.Equal(before, await RowsAsync(database));
        Assert.Empty(await FindAsync(database, Secret));
        Assert.True((await database.CheckAsync()).IsClean);
    }

    [Fact]
    public async Task A_registration_afterwards_stores_nothing_and_parks_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await FillAsync(database);
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await EraseAsync(app, Id);

        var byMessage = await database.RegisterAsync(Owners.Register(Id, email: $"{Secret}@example.com", at: DateTimeOffset.UtcNow));
        using var byRequest = await http.PutAsJsonAsync($"/jobs/{Id}", new { resource = "video", userId = Secret }, Cancel);
        using var downloads = await http.PostAsync(new Uri($"/jobs/{Id}/downloads", UriKind.Relative), null, Cancel);

        Assert.Equal(RegistrationOutcome.Erased, byMessage);
        await AssertProblemAsync(HttpStatusCode.Gone, byRequest);
        await AssertProblemAsync(HttpStatusCode.Gone, downloads);
        Assert.Empty(await FindAsync(database, Secret));
    }

    [Theory]
    [InlineData("registered")]
    [InlineData("started")]
    public async Task The_reconciler_does_not_look_up_an_erased_job(string order)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await (order == "registered"
            ? database.RegisterAsync(Owners.Register(Id))
            : (Task)database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", Id))));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "another-job")));
        await using var app = await StartAsync(database);
        await EraseAsync(app, Id);

        var planned = await new JobChecks(database.Source, Reconciling.Schedule, TimeProvider.System).PlanAsync(Cancel);

        Assert.Equal(1, planned);
        Assert.Equal(["another-job"], await database.QueryAsync("select job_id from job_checks"));
        Assert.True((await database.CheckAsync()).IsClean);
    }

    [Fact]
    public async Task A_replay_skips_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await FillAsync(database);
        await FillAsync(database, "another-job");
        await using var app = await StartAsync(database);
        await EraseAsync(app, Id);
        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        var replay = new Replays.Replay
        {
            Id = Guid.NewGuid(),
            CreatedAt = DateTimeOffset.UtcNow,
            CreatedBy = "ada",
            Reason = "a test",
            Filter = new Events.EventFilter { Type = "video.completed" },
            Events = true,
            Notifications = true,
            NewIds = true,
            PerSecond = 100,
        };

        var chunk = await Replays.ReplayChunk.ReadAsync(replay, 100, connection, Cancel);

        Assert.Equal(["another-job"], chunk.Transitions.Select(transition => transition.JobId));
    }
}
