using System.Net.Sockets;
using System.Reflection;
using Platform.ServiceDefaults.Logging;

namespace Platform.ServiceDefaults.Hosting;

/// <summary>
/// The outermost error handler of every program of the platform: it prints an uncaught exception as one or two readable lines.
/// </summary>
public static class ProcessEdge
{
    /// <summary>Environment variable; set to <c>1</c>, it adds the stack trace.</summary>
    public const string TraceVariable = "PLATFORM_TRACE";

    private static volatile bool _isRunning;

    /// <summary>
    /// Makes an unhandled exception end this process with a description and exit code 1, instead of a stack trace and 134.
    /// </summary>
    /// <param name="name">The program's name, as its users know it.</param>
    /// <param name="program">Has no effect when this process runs another program: a test run reports its own exceptions.</param>
    public static void DescribeUnhandledExceptions(string name, Assembly program)
    {
        if (Assembly.GetEntryAssembly() != program)
        {
            return;
        }

        AppDomain.CurrentDomain.UnhandledException += (_, unhandled) =>
        {
            Console.Error.WriteLine(Describe(name, (Exception)unhandled.ExceptionObject, _isRunning));
            Environment.Exit(1);
        };
    }

    /// <summary>
    /// Records that a service has started. An exception that ends it later is unexpected
    /// and may be hard to reproduce, so it is reported with its stack trace.
    /// </summary>
    public static void ServiceStarted() => _isRunning = true;

    /// <summary>Describes the exception and, if it is unexpected, how to get more detail.</summary>
    /// <param name="isRunning">True for a service that had started (<see cref="ServiceStarted"/>).</param>
    public static string Describe(string name, Exception exception, bool isRunning = false)
    {
        if (isRunning)
        {
            return $"{name} ended unexpectedly: {exception}";
        }

        if (Environment.GetEnvironmentVariable(TraceVariable) == "1")
        {
            return $"{name}: {exception}";
        }

        var message = ShownText.WithoutControls(exception.Message.ReplaceLineEndings(" "));
        return IsForeseen(exception)
            ? $"{name}: {message}"
            : $"{name} ended unexpectedly: {exception.GetType().Name}: {message}\nRun it again with {TraceVariable}=1 to see the stack trace.";
    }

    // Exceptions about files, sockets and permissions: the message is all that the user can act on.
    private static bool IsForeseen(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or SocketException or HttpRequestException or TimeoutException;
}
