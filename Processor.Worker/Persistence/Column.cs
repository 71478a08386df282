using Npgsql;
using NpgsqlTypes;

namespace Processor.Worker.Persistence;

/// <summary>
/// One column of a set-based statement: a parameter with the values of all rows, for <c>unnest</c>. The cost of an event depends on the
/// number of commands, so a group is written with one command per table.
/// </summary>
internal static class Column
{
    public static NpgsqlParameter Uuid<T>(IReadOnlyList<T> rows, Func<T, Guid> value) => Create(rows, value, NpgsqlDbType.Uuid);

    public static NpgsqlParameter Text<T>(IReadOnlyList<T> rows, Func<T, string?> value) => Create(rows, value, NpgsqlDbType.Text);

    public static NpgsqlParameter Json<T>(IReadOnlyList<T> rows, Func<T, string?> value) => Create(rows, value, NpgsqlDbType.Jsonb);

    /// <param name="value">UTF-8.</param>
    public static NpgsqlParameter Json<T>(IReadOnlyList<T> rows, Func<T, byte[]?> value) => Create(rows, value, NpgsqlDbType.Jsonb);

    public static NpgsqlParameter Bytes<T>(IReadOnlyList<T> rows, Func<T, ReadOnlyMemory<byte>> value) => Create(rows, value, NpgsqlDbType.Bytea);

    public static NpgsqlParameter NullableBytes<T>(IReadOnlyList<T> rows, Func<T, byte[]?> value) => Create(rows, value, NpgsqlDbType.Bytea);

    public static NpgsqlParameter Boolean<T>(IReadOnlyList<T> rows, Func<T, bool> value) => Create(rows, value, NpgsqlDbType.Boolean);

    public static NpgsqlParameter Smallint<T>(IReadOnlyList<T> rows, Func<T, short> value) => Create(rows, value, NpgsqlDbType.Smallint);

    public static NpgsqlParameter Bigint<T>(IReadOnlyList<T> rows, Func<T, long?> value) => Create(rows, value, NpgsqlDbType.Bigint);

    public static NpgsqlParameter Time<T>(IReadOnlyList<T> rows, Func<T, DateTimeOffset?> value) =>
        Create(rows, row => value(row)?.UtcDateTime, NpgsqlDbType.TimestampTz);

    private static NpgsqlParameter<TValue[]> Create<T, TValue>(IReadOnlyList<T> rows, Func<T, TValue> value, NpgsqlDbType type)
    {
        var column = new TValue[rows.Count];
        for (var i = 0; i < column.Length; i++)
        {
            column[i] = value(rows[i]);
        }

        return new NpgsqlParameter<TValue[]> { TypedValue = column, NpgsqlDbType = NpgsqlDbType.Array | type };
    }
}
