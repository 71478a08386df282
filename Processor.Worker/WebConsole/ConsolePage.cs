using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.Features;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary>
/// A page of the console, rendered once on the server. It reads through the classes of the operations API. Public because Razor components are;
/// parts of a page have parameters of public types only.
/// </summary>
public abstract class ConsolePage : ComponentBase
{
    [CascadingParameter]
    public HttpContext Http { get; set; } = null!;

    /// <summary>Why the form of this page was rejected; null when the page was opened.</summary>
    [Parameter]
    public string? Problem { get; set; }

    /// <summary>What is wrong with the query.</summary>
    private protected IReadOnlyList<string> Problems { get; private set; } = [];

    private protected Caller Caller => Http.Features.GetRequiredFeature<Caller>();

    private protected bool MayOperate => Caller.May(Rights.Operate);

    private protected CancellationToken Cancel => Http.RequestAborted;

    /// <summary>What the request's form or query gives, without empty fields.</summary>
    private protected IQueryCollection Values => field ??= Given.Read(Http.Request);

    private protected string? Value(string name) => Values[name] is [{ } text, ..] ? text : null;

    /// <summary>The value of an answer of the operations API; null when the page shows the problems instead, with the status of the answer.</summary>
    private protected T? Take<T>(INestedHttpResult result)
        where T : class
    {
        var answer = Answer<T>.From(result);
        Problems = answer.Problems;
        if (answer.Value is null)
        {
            Http.Response.StatusCode = answer.Status;
        }

        return answer.Value;
    }
}
