using System.ComponentModel.DataAnnotations;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Persistence;

/// <summary>How PostgreSQL is reached. Section <c>Database</c>.</summary>
internal sealed class DatabaseOptions : IValidatableObject, ISecretOptions
{
    public const string Section = "Database";

    /// <summary>What <c>ConnectionStrings__Postgres</c> leads to. Default: <see cref="DatabasePooler.None"/>.</summary>
    public DatabasePooler Pooler { get; set; }

    /// <summary>
    /// An Npgsql connection string to the same database without the pooler, for what needs a session: <c>migrate</c>, and the locks of retention and
    /// of the role <c>reconcile</c>. Required with <see cref="DatabasePooler.Transaction"/>, and only then.
    /// </summary>
    public string? Direct { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Pooler is DatabasePooler.None && Direct is not null)
        {
            yield return new ValidationResult($"is only used with {Section}__{nameof(Pooler)}={DatabasePooler.Transaction}.", [nameof(Direct)]);
        }
        else if (Pooler is not DatabasePooler.None && PostgresAddress.FindError(Direct) is { } error)
        {
            yield return new ValidationResult(error, [nameof(Direct)]);
        }
    }

    public IEnumerable<ValidationResult> FindDefaultSecrets()
    {
        if (PostgresAddress.FindDefaultPassword(Direct) is { } error)
        {
            yield return new ValidationResult(error, [nameof(Direct)]);
        }
    }
}

/// <summary>The connection pooler between the worker and PostgreSQL, if any.</summary>
internal enum DatabasePooler
{
    /// <summary>Nothing, or a pooler that gives each connection a session of its own, as PgBouncer with <c>pool_mode = session</c>.</summary>
    None,

    /// <summary>
    /// A pooler that runs each transaction in any session, as PgBouncer with <c>pool_mode = transaction</c>: no prepared statements, and the settings of
    /// sessions belong to the role.
    /// </summary>
    Transaction,
}
