using System.Text.Json;
using System.Text.Json.Nodes;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>The project of a job, as <c>GET</c> answers it and as events contain it.</summary>
/// <param name="publicUrl">The beginning of download addresses; known once the server listens.</param>
internal sealed class ProjectAnswer(DownloadLinks links, Func<ApiSwitches> switches, Func<string> publicUrl)
{
    // Magic Hour charges for the frames of the finished video; until then it shows an estimate.
    private const double Estimate = 1.25;

    /// <summary>The project at a time, with new download addresses.</summary>
    public JsonObject Create(SimulatedJob job, DateTimeOffset now)
    {
        var status = job.StatusAt(now);
        var description = Describe(job, now);
        return description.Project(
            JsonNamingPolicy.SnakeCaseLower.ConvertName($"{status}"), hasDownloads: status is JobStatus.Complete && description.IsEnabled);
    }

    /// <summary>The job in the form that events are created from.</summary>
    public MagicHourJob Describe(SimulatedJob job, DateTimeOffset now)
    {
        var (expiresAt, token) = links.Issue(job.Id, now, switches());
        return new MagicHourJob
        {
            Id = job.Id,
            Resource = job.Tool.Kind,
            Tool = job.Tool.Type,
            Name = job.Name,
            CreatedAt = job.CreatedAt,
            Credits = job.StatusAt(now) is JobStatus.Complete ? job.Tool.Credits : EstimateCredits(job),
            Downloads = job.Results,
            DownloadsExpireAt = expiresAt,
            DownloadsFrom = $"{publicUrl()}/downloads",
            AuthToken = token,
            Error = job.Error,
            IsEnabled = !job.IsDeletedAt(now),
            HasDeprecatedFields = switches().DeprecatedFields,
        };
    }

    /// <summary>What a job costs as long as it has not ended. Images and audio are charged when they are requested.</summary>
    public static int EstimateCredits(SimulatedJob job) => job.Tool.Kind == "video" ? (int)(job.Tool.Credits * Estimate) : job.Tool.Credits;
}
