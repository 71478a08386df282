using System.Text.RegularExpressions;
using Deploy.Tests.Checks;

namespace Deploy.Tests;

/// <summary>An overlay with one deliberate mistake.</summary>
internal static class Mutation
{
    /// <param name="text">The first occurrence is changed.</param>
    public static async Task AssertFoundAsync(string overlay, string check, Regex text, MatchEvaluator mistake)
    {
        var manifests = await Overlay.ReadAsync(overlay);
        Assert.True(text.IsMatch(manifests), $"'{text}' is not there any more.");

        var faults = ManifestChecks.All[check](Manifests.Parse(text.Replace(manifests, mistake, count: 1)));

        Assert.NotEmpty(faults);
    }
}
