using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Platform.ServiceDefaults.Hosting;

namespace ServiceDefaults.Tests;

public sealed class ClientFaultTests
{
    [Theory]
    [InlineData(StatusCodes.Status499ClientClosedRequest, "aborted")]
    [InlineData(StatusCodes.Status499ClientClosedRequest, "reset")]
    [InlineData(StatusCodes.Status413PayloadTooLarge, "bad request")]
    [InlineData(null, "broken pipe")]
    public void A_failure_is_the_clients_however_deep_it_is_wrapped(int? status, string name)
    {
        Exception cause = name switch
        {
            "aborted" => new ConnectionAbortedException(),
            "reset" => new ConnectionResetException("reset"),
            "bad request" => new BadHttpRequestException("too large", StatusCodes.Status413PayloadTooLarge),
            _ => new IOException("broken pipe"),
        };

        Assert.Equal(status, ClientFault.FindStatus(cause));
        Assert.Equal(status, ClientFault.FindStatus(new TaskCanceledException("canceled", cause)));
        Assert.Equal(status, ClientFault.FindStatus(new InvalidOperationException("a form", new IOException("unexpected end", cause))));
    }
}
