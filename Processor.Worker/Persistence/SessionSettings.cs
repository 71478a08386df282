using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>
/// Settings requested for every database session, regardless of role, database, environment (<c>PGCLIENTENCODING</c>, <c>PGTZ</c>,
/// <c>PGOPTIONS</c>) and connection string.
/// </summary>
/// <remarks>
/// Not set: <c>default_transaction_read_only</c>, with which an operator closes a database on purpose; <c>statement_timeout</c> and
/// <c>synchronous_commit</c>, which are for the operator to decide; <c>lc_*</c>, <c>array_nulls</c> and the like, on which no statement
/// depends.
/// </remarks>
internal static class SessionSettings
{
    /// <summary>Performance settings. <c>Options</c> of the operator take precedence.</summary>
    public static IReadOnlyList<SessionSetting> Tuning { get; } =
    [
        // Compiling a plan costs more than these short statements: with JIT on, a group takes 25 times as long.
        new("jit", "off"),
        // A plan made while a table is small would scan the whole table, and is kept while the table grows.
        new("enable_seqscan", "off"),
        // An unavailable lock, or a process suspended within a transaction, must not block others for long.
        new("lock_timeout", "5s"),
        new("idle_in_transaction_session_timeout", "10s"),
    ];

    /// <summary>Performance settings that the role needs behind a pooler of transactions, where each plan is new.</summary>
    public static IEnumerable<SessionSetting> TuningOfRole => Tuning.Where(setting => setting.Name != "enable_seqscan");

    /// <summary>Settings that change the meaning of statements and values. Nothing overrides them.</summary>
    public static IReadOnlyList<SessionSetting> Meaning { get; } =
    [
        new("client_encoding", "UTF8"),
        // Text in the format of one session must not be read back in the format of another: in casts, in format(), in the bounds of a
        // partition.
        new("TimeZone", "UTC"),
        new("DateStyle", "ISO, MDY"),
        new("IntervalStyle", "postgres"),
        new("bytea_output", "hex"),
        new("extra_float_digits", "1"),
        new("standard_conforming_strings", "on"),
        // A schema named after the role would take precedence over the one that holds the tables.
        new("search_path", "public"),
        // A read after waiting for a lock must see the commit of its last holder (JobLock).
        new("default_transaction_isolation", "read committed"),
    ];

    /// <summary>Adds the settings to a connection string, around the operator's own <c>Options</c>.</summary>
    public static void Apply(NpgsqlConnectionStringBuilder connection)
    {
        // PostgreSQL uses the later of two options with the same name.
        string?[] options = [.. Tuning.Select(setting => setting.Option), connection.Options, .. Meaning.Select(setting => setting.Option)];
        connection.Options = string.Join(' ', options.OfType<string>());
        ApplyTracked(connection);
    }

    /// <summary>Adds the settings that a pooler of transactions passes on: those with a keyword of their own, which are applied after the options.</summary>
    public static void ApplyTracked(NpgsqlConnectionStringBuilder connection)
    {
        connection.ClientEncoding = "UTF8";
        connection.Encoding = "UTF8";
        connection.Timezone = "UTC";
        connection.SearchPath = null;
    }
}

/// <summary>A parameter of a session.</summary>
/// <param name="Value">The value as printed by <c>show</c>.</param>
internal sealed record SessionSetting(string Name, string Value)
{
    public string Option => $"-c {Name}={Value.Replace(" ", "\\ ", StringComparison.Ordinal)}";
}
