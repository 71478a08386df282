using System.CommandLine;

namespace Operations.Cli;

/// <summary><c>erase</c>: erases the data of a job, through the operations API.</summary>
internal static class EraseCommand
{
    private static readonly Option<string> Job = new("--job") { Description = "The id of the job.", Required = true };

    private static readonly Option<string> Reason = new("--reason") { Description = "Why, for the audit trail. It is kept: name no person.", Required = true };

    public static Command Create(Func<ApiAccess> byDefault) =>
        new Command("erase", "Erase the data of a job. Its status and times stay, and later messages of it have no effect.") { Job, Reason }.UseApi(byDefault, RunAsync);

    private static async Task<int> RunAsync(OperationsClient client, ParseResult arguments, CancellationToken cancellationToken)
    {
        var jobId = arguments.GetRequiredValue(Job);
        var path = $"ops/jobs/{Uri.EscapeDataString(jobId)}/data?reason={Uri.EscapeDataString(arguments.GetRequiredValue(Reason))}";
        var erased = await client.DeleteAsync(path, cancellationToken);
        Console.WriteLine(arguments.GetValue(OperationsOptions.Json)
            ? $"{erased}"
            : $"{jobId} was erased at {erased.GetProperty("erasedAt").GetDateTimeOffset():yyyy-MM-ddTHH:mm:ssZ}; {erased.GetProperty("removed")} rows removed now");
        return 0;
    }
}
