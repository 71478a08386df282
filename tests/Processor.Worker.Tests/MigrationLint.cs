using System.Text.RegularExpressions;

namespace Processor.Worker.Tests;

/// <summary>
/// Finds statements of a migration that rewrite a large table, lock it for longer than an instant, or break the workers of the version before. Bodies of functions are
/// not examined: they run later.
/// </summary>
internal static partial class MigrationLint
{
    private static readonly (Regex Statement, string Fault)[] Rules =
    [
        (AlterType(), "rewrites the table: add a column, and fill it in chunks"),
        (AddComputed(), "rewrites the table: its value differs from row to row"),
        (AddVolatile(), "rewrites the table: the default is volatile. Add the column without one, and set the default afterwards"),
        (SetNotNull(), "reads the whole table under its lock: add a check as 'not valid', validate it, and set not null afterwards"),
        (AddCheck(), "reads the whole table under its lock: add it as 'not valid', and validate it afterwards"),
        (AddKey(), "builds an index under the lock of the table: build it concurrently, and add the constraint 'using index'"),
        (DropColumn(), "breaks workers of the version before: drop it one version after the last use"),
        (DropTable(), "breaks workers of the version before: drop it one version after the last use"),
        (Rename(), "breaks workers of the version before"),
        (Rebuild(), "rewrites the table under its lock"),
    ];

    /// <summary>The faults of a migration, each with the start of its statement.</summary>
    public static IReadOnlyList<string> Find(IEnumerable<string> commands)
    {
        string[] statements = [.. commands.SelectMany(command => Split(FunctionBody().Replace(Comment().Replace(command, ""), "''")))];
        // A table that the migration creates is empty.
        var created = statements.Select(statement => CreateTable().Match(statement)).Where(match => match.Success).Select(match => Name(match)).ToHashSet();
        return
        [
            .. from statement in statements
               where !created.Contains(Name(AlterTable().Match(statement)))
               from rule in Rules
               where rule.Statement.IsMatch(statement)
               select $"'{Shorten(statement)}' {rule.Fault}",
            .. from statement in statements
               let index = CreateIndex().Match(statement)
               where index.Success && !created.Contains(Name(index))
               select $"'{Shorten(statement)}' keeps everyone from writing while it is built: create it concurrently",
        ];
    }

    private static string[] Split(string sql) =>
        [.. sql.Split(';').Select(statement => WhiteSpace().Replace(statement, " ").Trim()).Where(statement => statement.Length > 0)];

    private static string Name(Match match) => match.Groups["table"].Value.Replace("\"", "", StringComparison.Ordinal).Replace("public.", "", StringComparison.OrdinalIgnoreCase);

    private static string Shorten(string statement) => statement.Length > 80 ? $"{statement[..80]}…" : statement;

    private const string Table = """(?<table>[\w."]+)""";
    private const string AlterTableStart = $@"^alter table (if exists )?(only )?{Table} ";

    [GeneratedRegex($@"^alter table (if exists )?(only )?{Table}", RegexOptions.IgnoreCase)]
    private static partial Regex AlterTable();

    [GeneratedRegex($@"^create (unlogged )?table (if not exists )?{Table}", RegexOptions.IgnoreCase)]
    private static partial Regex CreateTable();

    [GeneratedRegex($@"^create (unique )?index (?!concurrently\b).*? on (only )?{Table}", RegexOptions.IgnoreCase)]
    private static partial Regex CreateIndex();

    [GeneratedRegex($@"{AlterTableStart}.*\balter (column )?\S+ (set data )?type\b", RegexOptions.IgnoreCase)]
    private static partial Regex AlterType();

    [GeneratedRegex($@"{AlterTableStart}.*\badd (column )?(?!constraint\b).*(\bgenerated (always|by default) as\b|\b(big|small)?serial\b)", RegexOptions.IgnoreCase)]
    private static partial Regex AddComputed();

    // The functions that are evaluated once, for all rows.
    [GeneratedRegex($@"{AlterTableStart}.*\badd (column )?(?!constraint\b).*\bdefault \(*(?!now\(|transaction_timestamp\(|statement_timestamp\()[\w.]+\(", RegexOptions.IgnoreCase)]
    private static partial Regex AddVolatile();

    [GeneratedRegex($@"{AlterTableStart}.*\bset not null\b", RegexOptions.IgnoreCase)]
    private static partial Regex SetNotNull();

    [GeneratedRegex($@"{AlterTableStart}.*\badd (constraint \S+ )?(check|foreign key)\b(?!.*\bnot valid\b)", RegexOptions.IgnoreCase)]
    private static partial Regex AddCheck();

    [GeneratedRegex($@"{AlterTableStart}.*\badd (constraint \S+ )?(unique|primary key|exclude)\b(?!.*\busing index\b)", RegexOptions.IgnoreCase)]
    private static partial Regex AddKey();

    [GeneratedRegex($@"{AlterTableStart}.*\bdrop (column )?(?!constraint\b|default\b|not null\b|expression\b|identity\b)", RegexOptions.IgnoreCase)]
    private static partial Regex DropColumn();

    [GeneratedRegex(@"^drop (table|view|schema)\b", RegexOptions.IgnoreCase)]
    private static partial Regex DropTable();

    [GeneratedRegex(@"^alter (table|view|index|sequence|function|schema)\b.*\brename\b", RegexOptions.IgnoreCase)]
    private static partial Regex Rename();

    [GeneratedRegex(@"^(vacuum full|cluster|lock table|truncate|refresh materialized view (?!concurrently)|reindex (?!.*\bconcurrently\b))\b", RegexOptions.IgnoreCase)]
    private static partial Regex Rebuild();

    [GeneratedRegex(@"(\$\w*\$).*?\1", RegexOptions.Singleline)]
    private static partial Regex FunctionBody();

    [GeneratedRegex(@"--[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
