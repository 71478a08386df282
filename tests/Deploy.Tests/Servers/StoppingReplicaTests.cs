using System.Net;
using System.Net.Sockets;
using Platform.DevStack;

namespace Deploy.Tests.Servers;

/// <summary>The load balancer of compose passes an event to the next replica when one is stopping.</summary>
public sealed class StoppingReplicaTests
{
    /// <summary>The address of the replica that stops.</summary>
    private static readonly IPAddress Stopping = IPAddress.Parse("127.0.0.2");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(100)]
    [InlineData(200 * 1024)]
    public async Task An_event_goes_to_the_next_replica_when_one_accepts_no_connection(int length)
    {
        await using var ingress = await LoadBalancerTests.StartIngressAsync(http => http.Request.Body.CopyToAsync(Stream.Null, Cancel));
        // Nothing listens at the second address. nginx tries the addresses in random order.
        await using var names = new NameServer(IPAddress.Loopback, Stopping);
        await using var nginx = await Nginx.StartAsync($"nameserver {names.Address}\n", new Uri(ingress.Urls.Single()).Port, Cancel);

        Assert.All(await PostAsync(nginx, length), status => Assert.Equal(HttpStatusCode.OK, status));
    }

    [Fact]
    public async Task An_event_that_arrived_at_once_goes_to_the_next_replica_when_one_breaks_off()
    {
        await using var ingress = await LoadBalancerTests.StartIngressAsync(http => http.Request.Body.CopyToAsync(Stream.Null, Cancel));
        var port = new Uri(ingress.Urls.Single()).Port;
        using var stopping = new TcpListener(Stopping, port);
        stopping.Start();
        var broken = BreakOffAsync(stopping);
        await using var names = new NameServer(IPAddress.Loopback, Stopping);
        await using var nginx = await Nginx.StartAsync($"nameserver {names.Address}\n", port, Cancel);

        var statuses = await PostAsync(nginx, length: 100);
        stopping.Stop();

        Assert.All(statuses, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.NotEqual(0, await broken);
    }

    /// <summary>Posts often enough that each of two replicas is tried first at some time.</summary>
    private static async Task<HttpStatusCode[]> PostAsync(Nginx nginx, int length)
    {
        using var http = new HttpClient();
        var statuses = new HttpStatusCode[30];
        for (var i = 0; i < statuses.Length; i++)
        {
            using var answer = await http.PostAsync(new Uri($"{nginx.Url}/webhook"), LoadBalancerTests.Body(length), Cancel);
            statuses[i] = answer.StatusCode;
        }

        return statuses;
    }

    /// <summary>Accepts connections, reads something, and resets them, until the listener stops.</summary>
    /// <returns>How many.</returns>
    private static async Task<int> BreakOffAsync(TcpListener listener)
    {
        for (var count = 0; ; count++)
        {
            try
            {
                using var connection = await listener.AcceptSocketAsync(Cancel);
                await connection.ReceiveAsync(new byte[1], Cancel);
                connection.LingerState = new LingerOption(enable: true, seconds: 0);
            }
            catch (Exception exception) when (exception is SocketException or InvalidOperationException)
            {
                // Stopped while it waited, or before.
                return count;
            }
        }
    }
}
