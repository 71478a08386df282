using System.Net.Sockets;
using Platform.ServiceDefaults.Hosting;

namespace ServiceDefaults.Tests;

public sealed class ProcessEdgeTests
{
    public static TheoryData<Exception> Faults => [new IOException("broken"), new SocketException(), new TimeoutException("broken"), new InvalidOperationException("broken")];

    [Theory]
    [MemberData(nameof(Faults), DisableDiscoveryEnumeration = true)]
    public void A_running_service_ends_with_the_stack_trace_of_any_exception(Exception fault)
    {
        var thrown = Record.Exception(void () => throw fault)!;

        var description = ProcessEdge.Describe("service", thrown, isRunning: true);

        Assert.StartsWith($"service ended unexpectedly: {thrown.GetType().FullName}", description, StringComparison.Ordinal);
        Assert.Contains(nameof(A_running_service_ends_with_the_stack_trace_of_any_exception), description, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Faults), DisableDiscoveryEnumeration = true)]
    public void Before_it_has_started_it_is_a_line_or_two(Exception fault)
    {
        var thrown = Record.Exception(void () => throw fault)!;

        Assert.DoesNotContain("   at ", ProcessEdge.Describe("service", thrown), StringComparison.Ordinal);
    }
}
