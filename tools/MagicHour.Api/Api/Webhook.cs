using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>The registered webhook, whose settings may change at any time.</summary>
internal sealed class Webhook : IDisposable
{
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();

    // Attempts may still use the sender of earlier settings.
    private readonly List<Sender> _senders = [];
    private WebhookSettings _settings = new();

    public Webhook(WebhookSettings settings, TimeProvider time)
    {
        _time = time;
        Settings = settings;
    }

    public WebhookSettings Settings
    {
        get
        {
            lock (_lock)
            {
                return _settings;
            }
        }

        set
        {
            lock (_lock)
            {
                _settings = value;
                if (value.Url is { } url)
                {
                    _senders.Add(new Sender(url, value.Secret, _time));
                }
            }
        }
    }

    /// <summary>Sends to it; null when there is none or it is disabled.</summary>
    public Sender? Sender
    {
        get
        {
            lock (_lock)
            {
                return _settings is { Enabled: true, Url: not null } ? _senders[^1] : null;
            }
        }
    }

    public void Dispose() => _senders.ForEach(sender => sender.Dispose());
}
