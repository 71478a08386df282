using System.Net.Sockets;
using MassTransit;
using RabbitMQ.Client;

namespace Processor.Worker.Inbox;

/// <summary>
/// A connection to the broker that is read only while the bytes in flight are within the budget (<see cref="DeliveryBudget"/>).
/// </summary>
internal sealed class BudgetedStream(Socket socket, DeliveryBudget budget) : NetworkStream(socket)
{
    /// <summary>Creates the sockets of the RabbitMQ client.</summary>
    public static Func<AddressFamily, ITcpClient> Sockets(DeliveryBudget budget) => family => new BudgetedSocket(family, budget);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await budget.WaitForRoomAsync(cancellationToken);
        var read = await base.ReadAsync(buffer, cancellationToken);
        budget.Read(read);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    private sealed class BudgetedSocket(AddressFamily family, DeliveryBudget budget)
        : TcpClientAdapter(ConnectionFactoryBase.DefaultSocketFactory(family).Client)
    {
        public override NetworkStream GetStream()
        {
            budget.Reset();
            return new BudgetedStream(Client, budget);
        }
    }
}

/// <summary>Counts each message of an endpoint against the budget until it is settled.</summary>
internal sealed class BudgetedReceiveFilter(DeliveryBudget budget, ConsumerLimits limits) : IFilter<ReceiveContext>
{
    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        var bytes = context.Body.Length ?? 0;
        budget.Begin(bytes);
        try
        {
            await next.Send(context);
            limits.MessageSettled();
        }
        finally
        {
            budget.End(bytes);
        }
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("deliveryBudget");
}
