using System.CommandLine;
using Npgsql;
using Platform.Benchmarks;
using Platform.Benchmarks.Contestants;
using Platform.LocalStack;
using RabbitMQ.Client.Exceptions;

const int WrongUsage = 2;

var root = new RootCommand("Measures the platform: ./platform bench.")
{
    BenchCommand.Create(),
    ContestantCommand.Create(),
};

try
{
    var arguments = root.Parse(args);
    // Exceptions come here, where those that a person can do something about are told from defects.
    var exitCode = await arguments.InvokeAsync(
        new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(2) });
    return arguments.Errors.Count > 0 ? WrongUsage : exitCode;
}
catch (Exception exception) when (exception is SetupException or TimeoutException or NpgsqlException or BrokerUnreachableException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
catch (OperationCanceledException)
{
    // As a shell reports a program that Ctrl-C has ended.
    return 130;
}
