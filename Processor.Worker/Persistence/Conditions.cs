using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>The conditions of a query that were asked for, joined with <c>and</c>, and their parameters.</summary>
internal sealed class Conditions
{
    private readonly List<string> _conditions = [];

    public List<NpgsqlParameter> Parameters { get; } = [];

    /// <summary>The <c>where</c> clause; empty without a condition.</summary>
    public string Where => _conditions.Count == 0 ? "" : $"where {string.Join(" and ", _conditions)}";

    /// <summary>Adds a condition without a value.</summary>
    public void Add(string condition) => _conditions.Add(condition);

    /// <summary>Adds a condition unless its value is null.</summary>
    /// <param name="condition">Has one <c>{0}</c> for the parameter.</param>
    public void Add<T>(string condition, T? value)
        where T : struct
    {
        if (value is { } given)
        {
            _conditions.Add(string.Format(null, condition, Parameter(given)));
        }
    }

    /// <inheritdoc cref="Add{T}(string, T?)"/>
    public void Add(string condition, string? value)
    {
        if (value is not null)
        {
            _conditions.Add(string.Format(null, condition, Parameter(value)));
        }
    }

    /// <summary>Adds a parameter.</summary>
    /// <returns>Its name in the statement.</returns>
    public string Parameter<T>(T value)
    {
        Parameters.Add(value is DateTimeOffset time
            ? new NpgsqlParameter<DateTime> { TypedValue = time.UtcDateTime }
            : new NpgsqlParameter<T> { TypedValue = value });
        return $"${Parameters.Count}";
    }

    public NpgsqlCommand CreateCommand(NpgsqlConnection connection, string sql)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in Parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
