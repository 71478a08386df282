using Microsoft.EntityFrameworkCore;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>Migrations run beside workers of the version before, on tables with millions of rows: none may rewrite, lock or rename them.</summary>
public sealed class MigrationLintTests(PostgresFixture postgres)
{
    // From before 1.0.0: they build an index under the lock of the table. Nothing may be added.
    private static readonly string[] Exempt = ["20261124104400_DownloadExpiry", "20261124140500_NotificationsParked", "20261129165757_Reconciliation"];

    [Fact]
    public async Task No_migration_rewrites_locks_or_renames_a_table()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var context = database.OpenContext();
        string[] ids = [.. context.Database.GetMigrations()];

        var faults = ids.Except(Exempt).SelectMany(id => MigrationLint.Find(MigrationPlan.Create(context, id).Statements).Select(fault => $"{id}: {fault}"));

        Assert.Empty(faults);
        // Nothing is exempt without a reason.
        Assert.All(Exempt, id => Assert.NotEmpty(MigrationLint.Find(MigrationPlan.Create(context, id).Statements)));
    }

    [Theory]
    [InlineData("alter table webhook_events alter column late type text")]
    [InlineData("ALTER TABLE public.webhook_events ALTER late SET DATA TYPE text USING late::text")]
    [InlineData("alter table webhook_events add column token uuid not null default gen_random_uuid()")]
    [InlineData("alter table webhook_events add column at timestamptz default clock_timestamp()")]
    [InlineData("alter table webhook_events add number bigint generated always as identity")]
    [InlineData("alter table jobs add total bigint generated always as (credits_charged * 2) stored")]
    [InlineData("alter table jobs add column number bigserial")]
    [InlineData("create index jobs_name on jobs (name)")]
    [InlineData("create unique index if not exists jobs_name on only public.jobs using btree (name)")]
    [InlineData("alter table jobs alter column name set not null")]
    [InlineData("alter table jobs add constraint named check (name <> '')")]
    [InlineData("alter table jobs add foreign key (user_id) references users (id)")]
    [InlineData("alter table jobs add constraint jobs_name unique (name)")]
    [InlineData("alter table jobs drop column name")]
    [InlineData("alter table jobs drop name")]
    [InlineData("alter table jobs rename column name to title")]
    [InlineData("alter table jobs rename to projects")]
    [InlineData("drop table jobs")]
    [InlineData("lock table jobs")]
    [InlineData("vacuum full jobs")]
    [InlineData("create table projects (id text); create index jobs_name on jobs (name)")]
    [InlineData("alter table jobs add column a int,\n    drop column name -- both")]
    public void An_offending_statement_is_found(string sql) => Assert.Single(MigrationLint.Find([sql]));

    [Theory]
    [InlineData("alter table jobs add column at timestamptz not null default now()")]
    [InlineData("ALTER TABLE jobs ADD note text NOT NULL DEFAULT '';")]
    [InlineData("create index concurrently jobs_name on jobs (name)")]
    [InlineData("create table projects (id text); create index projects_id on projects (id); alter table projects add constraint one check (id <> '')")]
    [InlineData("alter table jobs add constraint named check (name <> '') not valid; alter table jobs validate constraint named")]
    [InlineData("alter table jobs add constraint jobs_name unique using index jobs_name")]
    [InlineData("alter table jobs drop constraint named; alter table jobs alter column name drop not null, alter column name drop default")]
    [InlineData("create function f() returns void language plpgsql as $$ begin alter table jobs drop column name; end $$")]
    [InlineData("-- alter table jobs drop column name;\nselect 1")]
    [InlineData("drop index concurrently if exists jobs_name")]
    public void A_harmless_one_is_not(string sql) => Assert.Empty(MigrationLint.Find([sql]));
}
