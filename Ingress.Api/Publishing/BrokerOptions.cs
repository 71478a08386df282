using Platform.ServiceDefaults.Broker;

namespace Ingress.Api.Publishing;

/// <inheritdoc/>
internal sealed class BrokerOptions : BrokerTrustOptions;
