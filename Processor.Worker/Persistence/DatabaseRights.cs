using Microsoft.Extensions.Options;
using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>
/// Grants the login roles of the workers exactly the rights of <see cref="RoleRights"/>. Other roles keep their rights, so that workers
/// with an older login keep running.
/// </summary>
internal sealed class DatabaseRights(NpgsqlDataSource database, IOptions<DatabaseRoleOptions> options)
{
    // Revoking and granting share one transaction, so that a running worker never loses a right in between.
    private const string SelectRevocations =
        """
        select format('revoke all on %s %s from %I', case relation.relkind when 'S' then 'sequence' else 'table' end, relation.oid::regclass, role.rolname)
        from pg_class as relation
        join pg_roles as role on role.rolname = any($1)
        where relation.relnamespace = 'public'::regnamespace and pg_has_role(relation.relowner, 'usage')
            and (exists (select from aclexplode(relation.relacl) as privilege where privilege.grantee = role.oid)
                or exists (
                    select
                    from pg_attribute as one
                    cross join lateral aclexplode(one.attacl) as privilege
                    where one.attrelid = relation.oid and privilege.grantee = role.oid))
        union all
        select format('revoke all on routine %s from %I', routine.oid::regprocedure, role.rolname)
        from pg_proc as routine
        join pg_roles as role on role.rolname = any($1)
        where routine.pronamespace = 'public'::regnamespace and pg_has_role(routine.proowner, 'usage')
            and exists (select from aclexplode(routine.proacl) as privilege where privilege.grantee = role.oid)
        """;

    // Everyone has these rights on the database and the schema unless someone has revoked them; only their owner can grant them.
    private const string SelectEntry =
        """
        select format('grant connect on database %I to %I', current_database(), name)
        from unnest($1) as name where not has_database_privilege(name, current_database(), 'connect')
        union all
        select format('grant usage on schema public to %I', name)
        from unnest($1) as name where not has_schema_privilege(name, 'public', 'usage')
        """;

    private (string Setting, string? Role, Func<string, string> Grants)[] Roles =>
    [
        (nameof(DatabaseRoleOptions.Consume), options.Value.Consume, RoleRights.Consume),
        (nameof(DatabaseRoleOptions.Notify), options.Value.Notify, RoleRights.Notify),
        (nameof(DatabaseRoleOptions.Api), options.Value.Api, RoleRights.Api),
        (nameof(DatabaseRoleOptions.Reconcile), options.Value.Reconcile, RoleRights.Reconcile),
        (nameof(DatabaseRoleOptions.Archive), options.Value.Archive, RoleRights.Archive),
    ];

    /// <summary>What <see cref="GrantAsync"/> would do, to print.</summary>
    public string Plan => Roles.Where(role => role.Role is not null).Select(role => role.Role!).Distinct().ToArray() is { Length: > 0 } names
        ? $"would grant {string.Join(", ", names)} the rights that their workers need"
        : "no roles are configured";

    /// <summary>Call it after the schema is up to date.</summary>
    /// <returns>A summary of the changes, to print.</returns>
    /// <exception cref="UnusableRoleException">A role cannot be given exactly these rights.</exception>
    public async Task<string> GrantAsync(CancellationToken cancellationToken)
    {
        var roles = Roles.Where(role => role.Role is not null).ToArray();
        if (roles.Length == 0)
        {
            return "no roles are configured; the workers log in as the owner, or as a role with rights granted by someone else";
        }

        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await DatabaseSchema.LockAsync(connection, cancellationToken);
        if (await DatabaseSchema.IsNewerAsync(connection, cancellationToken))
        {
            return "unchanged: the schema is from a newer version";
        }

        await VerifyAsync(connection, roles.Select(role => (role.Setting, role.Role!)), cancellationToken);
        string[] names = [.. roles.Select(role => role.Role!).Distinct()];
        string[] statements =
        [
            .. await SelectAsync(connection, SelectRevocations, names, cancellationToken),
            .. await SelectAsync(connection, SelectEntry, names, cancellationToken),
            .. roles.Select(role => role.Grants(role.Role!)),
        ];
        await using var command = new NpgsqlCommand(string.Join(";\n", statements), connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(CancellationToken.None);
        return $"{string.Join(", ", names)} have the rights that their workers need";
    }

    private static async Task VerifyAsync(NpgsqlConnection connection, IEnumerable<(string Setting, string Role)> roles, CancellationToken cancellationToken)
    {
        foreach (var (setting, name) in roles)
        {
            await using var command = new NpgsqlCommand(
                "select rolsuper or pg_has_role(oid, current_user::regrole, 'member') from pg_roles where rolname = $1", connection);
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
            var isOwner = (bool?)await command.ExecuteScalarAsync(cancellationToken);
            if (isOwner is not false)
            {
                throw new UnusableRoleException(isOwner is null
                    ? $"The database has no role {name} (DatabaseRoles__{setting}); create it (create role {name} login password '…'), and migrate again."
                    : $"The role {name} (DatabaseRoles__{setting}) may do whatever the owner of the schema may; use a separate role.");
            }
        }
    }

    private static async Task<List<string>> SelectAsync(NpgsqlConnection connection, string sql, string[] names, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = names });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var statements = new List<string>();
        while (await rows.ReadAsync(cancellationToken))
        {
            statements.Add(rows.GetString(0));
        }

        return statements;
    }
}

/// <summary>A role of <see cref="DatabaseRoleOptions"/> is missing, or has more rights than a worker may have.</summary>
internal sealed class UnusableRoleException(string message) : Exception(message);
