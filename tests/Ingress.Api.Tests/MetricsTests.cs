namespace Ingress.Api.Tests;

public sealed class MetricsTests
{
    [Fact]
    public async Task The_time_to_an_answer_is_told_to_the_millisecond()
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();
        using var response = await app.SendAsync("{}"u8.ToArray());

        var metrics = await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

        Assert.Equal(
            ["0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"],
            metrics.Split('\n')
                .Where(line => line.StartsWith("webhook_processing_seconds_bucket", StringComparison.Ordinal))
                .Select(line => line.Split("le=\"")[1].Split('"')[0]));
    }
}
