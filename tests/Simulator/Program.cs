using System.CommandLine;
using Npgsql;
using Platform.LocalStack;
using Platform.Simulator.Commands;
using RabbitMQ.Client.Exceptions;

const int WrongUsage = 2;

var root = new RootCommand("The commands of ./platform.")
{
    UpCommand.Create(),
    DownCommand.Create(),
    TestCommand.Create(),
    SendCommand.Create(),
    StormCommand.Create(),
    ReleaseCommand.Create(),
    FaultsCommand.Create(),
};

try
{
    var arguments = root.Parse(args);
    // Exceptions come here, where those that a person can do something about are told from defects.
    var exitCode = await arguments.InvokeAsync(
        new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(2) });
    return arguments.Errors.Count > 0 ? WrongUsage : exitCode;
}
// HttpClient reports a time-out as a cancellation.
catch (Exception exception) when (exception is SetupException or HttpRequestException or TimeoutException or NpgsqlException or BrokerUnreachableException
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
