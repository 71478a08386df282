using System.Text.Json;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>What <c>migrate</c> reads out of the answers of the management API.</summary>
public sealed class BrokerManagementTests
{
    private const string Bindings =
        """
        [{"source":"","destination":"webhook-received","destination_type":"queue"},
         {"source":"Platform.Contracts:WebhookReceived","destination":"webhook-received","destination_type":"exchange"},
         {"source":"Platform.Contracts:WebhookQuarantined","destination":"webhook-received","destination_type":"exchange"},
         {"source":"webhook-received","destination":"webhook-received","destination_type":"queue"},
         {"source":"webhook-received_dead","destination":"webhook-received_dead","destination_type":"queue"},
         {"source":"Platform.Contracts:RegisterJob","destination":"register-job","destination_type":"exchange"},
         {"source":"register-job","destination":"register-job","destination_type":"queue"},
         {"source":"register-job_dead","destination":"register-job_dead","destination_type":"queue"}]
        """;

    [Theory]
    [InlineData("nothing", new string[0])]
    [InlineData("\"source\":\"Platform.Contracts:WebhookQuarantined\"", new[] { "exchange Platform.Contracts:WebhookQuarantined does not lead to queue webhook-received" })]
    [InlineData("\"source\":\"webhook-received_dead\"", new[] { "exchange webhook-received_dead does not lead to queue webhook-received_dead" })]
    [InlineData("\"source\":\"Platform.Contracts:RegisterJob\"", new[] { "exchange Platform.Contracts:RegisterJob does not lead to queue register-job" })]
    public void A_missing_binding_is_a_fault(string missing, string[] faults)
    {
        using var bindings = JsonDocument.Parse(Bindings.Replace(missing, "\"source\":\"another\"", StringComparison.Ordinal));

        Assert.Equal(faults, BrokerManagement.FindMissingRoutes(bindings.RootElement));
    }

    [Theory]
    [InlineData("webhook-received", "{}", 0)]
    [InlineData("webhook-received", """{"effective_policy_definition":[]}""", 0)]
    [InlineData("webhook-received", """{"effective_policy_definition":{"delivery-limit":100,"max-length":5}}""", 0)]
    [InlineData("webhook-received_dead", """{"effective_policy_definition":{"max-length":5}}""", 1)]
    [InlineData("webhook-received", """{"effective_policy_definition":{"message-ttl":1000,"expires":1000}}""", 2)]
    public void A_policy_that_drops_messages_is_a_fault(string queue, string state, int faults)
    {
        using var document = JsonDocument.Parse(state);

        Assert.Equal(faults, BrokerManagement.FindHarmfulPolicies(queue, document.RootElement).Count());
    }
}
