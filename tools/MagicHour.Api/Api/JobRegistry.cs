using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>Every job that was created, and what happens to the next ones.</summary>
public sealed class JobRegistry
{
    private readonly ConcurrentDictionary<string, SimulatedJob> _jobs = new();
    private readonly ConcurrentQueue<JobFate> _fates = new();
    private readonly Chance _chance;
    private readonly JobClock _clock;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();

    internal JobRegistry(SimulatedMagicHourOptions options, TimeProvider time)
    {
        _chance = new Chance(options.Seed);
        _clock = new JobClock(_chance, options.Speed);
        _time = time;
        Shares = options.Shares;
    }

    /// <summary>In order of creation.</summary>
    public IReadOnlyList<SimulatedJob> All => [.. _jobs.Values.OrderBy(job => job.CreatedAt).ThenBy(job => job.Id, StringComparer.Ordinal)];

    /// <summary>What happens to new jobs for which no fate is waiting.</summary>
    public FateShares Shares { get; set; }

    /// <summary>Determines what happens to the next job, or to a later one if fates are waiting already.</summary>
    public void Expect(JobFate fate) => _fates.Enqueue(fate);

    public bool TryFind(string id, [NotNullWhen(true)] out SimulatedJob? job) => _jobs.TryGetValue(id, out job);

    internal SimulatedJob Create(CreateRequest request)
    {
        // The order of the draws is part of the seed.
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            var fate = Shares.Draw(_chance);
            var (start, end) = _clock.Next(request.Tool, now);
            var job = new SimulatedJob(_fates.TryDequeue(out var expected) ? expected : fate)
            {
                Id = MagicHourEvent.NewJobId(),
                Tool = request.Tool,
                Name = request.HasName ? request.Name : $"{request.Tool.Label} - {now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)}",
                Results = request.Results,
                CreatedAt = now,
                StartsAt = start,
                EndsAt = end,
                Error = _chance.One(MagicHourError.All),
            };
            _jobs[job.Id] = job;
            return job;
        }
    }
}
