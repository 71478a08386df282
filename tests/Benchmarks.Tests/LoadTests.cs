using System.Text.Json;
using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Load;
using Platform.Contracts;
using Platform.DevStack;

namespace Platform.Benchmarks.Tests;

public sealed class LoadTests
{
    [Fact]
    public void Every_sample_is_another_usable_event_and_each_start_has_its_end()
    {
        var events = new SampleEvents(DateTimeOffset.UnixEpoch);

        var contents = Enumerable.Range(0, 3000).Select(index => WebhookContent.Read(events[index].Body)).ToArray();

        Assert.All(contents, content => Assert.Null(content.Reason));
        Assert.Equal(3000, contents.Select(content => (content.EventType, content.JobId)).Distinct().Count());
        Assert.All(
            contents.GroupBy(content => content.JobId),
            job => Assert.Equal(["video.started", "video.completed"], job.Select(content => content.EventType)));
    }

    [Fact]
    public void Spans_are_counted_in_whatever_scopes_they_are()
    {
        byte[] span = [0x0A, 2, 1, 2];
        byte[] scope = [.. Field(1, [0x0A, 1, 0x12]), .. Field(2, span), .. Field(2, span), 0x18, 0x80, 1];
        byte[] resource = [.. Field(1, span), .. Field(2, scope), .. Field(2, Field(2, span)), 0x19, 0, 0, 0, 0, 0, 0, 0, 0];

        Assert.Equal(6, Count([.. Field(1, resource), .. Field(1, resource)]));
        Assert.Equal(0, Count([]));

        static int Count(byte[] request) => CollectorContestant.CountSpans(new OtlpMessage(request));

        static byte[] Field(byte number, byte[] message) => [(byte)((number << 3) + 2), (byte)message.Length, .. message];
    }

    [Fact]
    public void A_sample_has_the_usual_size()
    {
        var events = new SampleEvents(DateTimeOffset.UnixEpoch);

        var average = Enumerable.Range(0, 1000).Average(index => events[index].Body.Length);

        Assert.InRange(average, 600, 800);
        using var document = JsonDocument.Parse(events[0].Body);
        Assert.Equal(events[0].JobId, document.RootElement.GetProperty("payload").GetProperty("id").GetString());
    }
}
