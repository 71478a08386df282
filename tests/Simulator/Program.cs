using System.CommandLine;
using Platform.LocalStack;
using Platform.Simulator.Commands;

var root = new RootCommand("The commands of ./platform.")
{
    UpCommand.Create(),
    DownCommand.Create(),
    TestCommand.Create(),
    SendCommand.Create(),
    ReleaseCommand.Create(),
};

try
{
    // Exceptions come here, where those that a person can do something about are told from defects.
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(2) });
}
// HttpClient reports a time-out as a cancellation.
catch (Exception exception) when (exception is SetupException or HttpRequestException or TimeoutException
    or OperationCanceledException { InnerException: TimeoutException })
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
catch (OperationCanceledException)
{
    // As a shell reports a program that Ctrl-C has ended.
    return 130;
}
