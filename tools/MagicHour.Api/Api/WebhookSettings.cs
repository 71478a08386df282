namespace Platform.Simulator.Api;

/// <summary>The webhook of the account, as its owner registers it in the web app.</summary>
/// <param name="Url">The whole address; null: no webhook is registered.</param>
/// <param name="Secret">Signs the events.</param>
/// <param name="Enabled">Events that are due while it is false are never sent.</param>
public sealed record WebhookSettings(Uri? Url = null, string Secret = "", bool Enabled = true);
