using MassTransit;

namespace Platform.IntegrationTests;

/// <summary>A bus with MassTransit's default configuration.</summary>
internal sealed class DefaultBus : IAsyncDisposable
{
    // The test's broker may be gone by then.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private DefaultBus(IBusControl control) => Control = control;

    public IBusControl Control { get; }

    public static async Task<DefaultBus> StartAsync(string uri)
    {
        var bus = Bus.Factory.CreateUsingRabbitMq(rabbit => rabbit.Host(new Uri(uri)));
        await bus.StartAsync(TestPlatform.Cancel);
        return new DefaultBus(bus);
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        await Control.StopAsync(patience.Token);
    }
}

/// <summary>A message that no queue accepts.</summary>
public sealed record Unheard(int Number);
