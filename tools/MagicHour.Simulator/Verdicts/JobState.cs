using System.Text.Json;

namespace Platform.Simulator.Verdicts;

/// <summary>A row of <c>jobs</c> without its times.</summary>
/// <param name="Downloads">URL and expiry of each download, in order. Null until the job has completed.</param>
internal sealed record JobState(
    string Resource,
    string Status,
    string? ProjectType,
    string? Name,
    long? CreditsCharged,
    string? DownloadUrl,
    string? Downloads,
    string? ErrorCode,
    string? ErrorMessage)
{
    /// <summary>A description of the first field that differs; empty when none does.</summary>
    public string Difference(JobState expected)
    {
        var (field, found, wanted) = new (string, object?, object?)[]
        {
            ("resource", Resource, expected.Resource),
            ("status", Status, expected.Status),
            ("project_type", ProjectType, expected.ProjectType),
            ("name", Name, expected.Name),
            ("credits_charged", CreditsCharged, expected.CreditsCharged),
            ("download_url", DownloadUrl, expected.DownloadUrl),
            ("downloads", Downloads, expected.Downloads),
            ("error_code", ErrorCode, expected.ErrorCode),
            ("error_message", ErrorMessage, expected.ErrorMessage),
        }.FirstOrDefault(one => !Equals(one.Item2, one.Item3));
        return field is null ? "" : $"{field} is {found ?? "null"}, not {wanted ?? "null"}";
    }

    /// <summary>Normalizes the column <c>downloads</c> so that equal lists compare equal.</summary>
    public static string? ReadDownloads(string? json)
    {
        if (json is null)
        {
            return null;
        }

        using var list = JsonDocument.Parse(json);
        return Print(list.RootElement.EnumerateArray().Select(item => (
            item.GetProperty("url").GetString()!,
            item.TryGetProperty("expires_at", out var expiresAt) ? expiresAt.GetString() : null)));
    }

    public static string Print(IEnumerable<(string Url, string? ExpiresAt)> downloads) =>
        string.Join('\n', downloads.Select(download => $"{download.Url} {download.ExpiresAt}"));
}
