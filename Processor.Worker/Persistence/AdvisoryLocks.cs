namespace Processor.Worker.Persistence;

/// <summary>Session locks of PostgreSQL that more than one feature knows; the number of a lock is <c>hashtext</c> of its name.</summary>
internal static class AdvisoryLocks
{
    /// <summary>Held by the one replica that asks Magic Hour's API, for as long as it has a key.</summary>
    public const string Reconcile = "processor-worker reconcile";

    /// <summary>Held by the one replica that copies downloads to the archive.</summary>
    public const string Archive = "processor-worker archive";

    /// <summary>SQL that is true while some session in this database holds the lock. No right is needed for it.</summary>
    public static string IsHeld(string name) =>
        $"""
        exists (
            select from pg_locks
            where locktype = 'advisory' and granted and objsubid = 1
                and database = (select oid from pg_database where datname = current_database())
                and (classid::bigint << 32 | objid::bigint) = hashtext('{name}'))
        """;
}
