using Microsoft.AspNetCore.Http.HttpResults;

namespace Processor.Worker.WebConsole;

/// <summary>What the operations API answers, as a page shows it.</summary>
/// <param name="Value">Null when there are problems, or when there is nothing to show.</param>
internal sealed record Answer<T>(T? Value, int Status, IReadOnlyList<string> Problems)
    where T : class
{
    public static Answer<T> From(INestedHttpResult answer) => answer.Result switch
    {
        ValidationProblem invalid => new(
            null, invalid.StatusCode, [.. invalid.ProblemDetails.Errors.SelectMany(error => error.Value.Select(text => $"{error.Key}: {text}"))]),
        ProblemHttpResult problem => new(null, problem.StatusCode, [problem.ProblemDetails.Detail ?? problem.ProblemDetails.Title ?? ""]),
        // After the problems, which have a value of their own.
        IValueHttpResult<T> { Value: { } value } => new(value, StatusCodes.Status200OK, []),
        IStatusCodeHttpResult { StatusCode: { } status } => new(null, status, []),
        _ => new(null, StatusCodes.Status200OK, []),
    };
}
