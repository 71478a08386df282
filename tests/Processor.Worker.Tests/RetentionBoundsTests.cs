using Npgsql;

namespace Processor.Worker.Tests;

/// <summary>Whoever takes over the login of a worker cannot erase fresh evidence.</summary>
public sealed class RetentionBoundsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task The_database_itself_refuses_to_drop_what_is_not_old()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        await logins.Owner.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j", DateTimeOffset.UtcNow)));
        var yesterday = $"{DateTimeOffset.UtcNow.AddDays(-1):yyyy-MM-dd}";

        foreach (var statement in new[]
        {
            $"select drop_webhook_bodies_partition('{yesterday}')",
            $"select drop_expired_stray_bodies('{yesterday}', 1000)",
            $"select drop_expired_quarantine('{{}}', '{{}}', '{yesterday}')",
            $"select drop_expired_notifications('{yesterday}', 1000)",
            "select drop_expired_events('{j}', now() - interval '43 days')",
            "select drop_expired_events(array_fill('j'::text, array[33]), '-infinity')",
            $"select drop_expired_delivery_attempts('{yesterday}', 1000)",
            $"select drop_expired_audit_log('{yesterday}', 1000)",
            $"select drop_expired_replays('{yesterday}', 1000)",
            $"select drop_expired_retention_runs('{yesterday}', 1000)",
            $"select drop_expired_publish_periods('{yesterday}', 1000)",
            $"select drop_expired_publish_sources('{yesterday}', 1000)",
            $"select drop_expired_ingress_answers('{yesterday}', 1000)",
            $"select drop_expired_received_numbers('{yesterday}', 1000)",
        })
        {
            var refusal = await Assert.ThrowsAsync<PostgresException>(() => logins.Consume.ExecuteAsync(statement));
            Assert.Equal(PostgresErrorCodes.InvalidParameterValue, refusal.SqlState);
        }
    }
}
