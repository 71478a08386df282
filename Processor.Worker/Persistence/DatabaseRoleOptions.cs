using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;

namespace Processor.Worker.Persistence;

/// <summary>
/// The database login roles to which <c>migrate</c> grants the rights that each role of the worker needs (<see cref="RoleRights"/>).
/// Section <c>DatabaseRoles</c>. Two settings may name the same role: it gets the rights of both.
/// </summary>
internal sealed partial class DatabaseRoleOptions : IValidatableObject
{
    public const string Section = "DatabaseRoles";

    /// <summary>The login role of workers with <c>--roles consume</c>. 1 to 63 characters. Default: none.</summary>
    public string? Consume { get; set; }

    /// <summary>The login role of workers with <c>--roles notify</c>. 1 to 63 characters. Default: none.</summary>
    public string? Notify { get; set; }

    /// <summary>The login role of workers with <c>--roles api</c>, and of the verb <c>release</c>. 1 to 63 characters. Default: none.</summary>
    public string? Api { get; set; }

    /// <summary>The login role of workers with <c>--roles reconcile</c>. 1 to 63 characters. Default: none.</summary>
    public string? Reconcile { get; set; }

    /// <summary>The login role of workers with <c>--roles archive</c>. 1 to 63 characters. Default: none.</summary>
    public string? Archive { get; set; }

    private (string Name, string? Value)[] All =>
        [(nameof(Consume), Consume), (nameof(Notify), Notify), (nameof(Api), Api), (nameof(Reconcile), Reconcile), (nameof(Archive), Archive)];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        from setting in All
        where setting.Value is not null && !RoleName().IsMatch(setting.Value)
        select new ValidationResult(
            "must be the name of a database role: a lower-case letter or _, then lower-case letters, digits and _, at most 63.", [setting.Name]);

    // Names that never need quotes. Role names of PostgreSQL itself start with pg_.
    [GeneratedRegex(@"^(?!pg_|public\z)[a-z_][a-z0-9_]{0,62}\z")]
    private static partial Regex RoleName();
}
