using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>The faults that are on.</summary>
public sealed class Faults
{
    private readonly Lock _lock = new();
    private readonly List<(FaultRule Rule, int Left)> _rules = [];
    private readonly Chance _chance;

    internal Faults(int seed) => _chance = new Chance(seed);

    /// <summary>In the order in which they were added; the first that affects a call decides.</summary>
    public IReadOnlyList<FaultRule> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _rules.Select(entry => entry.Rule)];
            }
        }
    }

    public void Add(FaultRule rule)
    {
        lock (_lock)
        {
            _rules.Add((rule, rule.Times ?? int.MaxValue));
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            _rules.Clear();
        }
    }

    /// <summary>The fault of a call; null when it goes well.</summary>
    internal FaultRule? Next(string method, string? jobId)
    {
        lock (_lock)
        {
            var index = _rules.FindIndex(entry =>
                entry.Rule.Method == method && (entry.Rule.JobId is null || entry.Rule.JobId == jobId) && _chance.Happens(entry.Rule.Share));
            if (index < 0)
            {
                return null;
            }

            var (rule, left) = _rules[index];
            if (left == 1)
            {
                _rules.RemoveAt(index);
            }
            else
            {
                _rules[index] = (rule, left - 1);
            }

            return rule;
        }
    }
}
