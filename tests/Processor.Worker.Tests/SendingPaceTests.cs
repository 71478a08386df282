using Microsoft.Extensions.Time.Testing;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

public sealed class SendingPaceTests
{
    private readonly FakeTimeProvider _time = new(Deliveries.Noon);

    [Fact]
    public void So_many_may_begin_in_a_second_and_what_three_seconds_have_left_at_once()
    {
        var pace = new SendingPace(perSecond: 100, _time);

        Assert.Equal((300, TimeSpan.Zero), (pace.Available, pace.TimeUntil(16)));
        pace.Take(300);
        Assert.Equal((0, TimeSpan.FromMilliseconds(160)), (pace.Available, pace.TimeUntil(16)));
        _time.Advance(pace.TimeUntil(16));
        Assert.Equal((16, TimeSpan.Zero), (pace.Available, pace.TimeUntil(16)));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(300, pace.Available);
    }
}
