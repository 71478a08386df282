using System.ComponentModel.DataAnnotations;
using System.Reflection;
using MassTransit;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Platform.Contracts;
using Processor.Worker.Consumers;
using Processor.Worker.Inbox;
using Processor.Worker.Retention;

namespace Processor.Worker.Tests;

public sealed class RetentionOptionsTests
{
    [Theory]
    [InlineData(44, 14, true)]
    [InlineData(43, 14, false)]
    [InlineData(120, 90, true)]
    [InlineData(119, 90, false)]
    // Kept for ever: a message that waits that long is parked.
    [InlineData(44, 0, true)]
    [InlineData(0, 90, true)]
    public void Identities_are_remembered_for_longer_than_a_message_can_wait(int events, int quarantine, bool isValid)
    {
        var options = new RetentionOptions { Events = TimeSpan.FromDays(events), Quarantine = TimeSpan.FromDays(quarantine) };

        var errors = options.Validate(new ValidationContext(options)).ToArray();

        Assert.Equal(isValid, errors.Length == 0);
        Assert.All(errors, error => Assert.Contains($"must be at least {30 + Math.Max(14, quarantine)} days: 30,", error.ErrorMessage, StringComparison.Ordinal));
    }

    [Fact]
    public void The_defaults_are_valid_and_are_those_that_are_shipped()
    {
        var options = new RetentionOptions();

        Assert.Empty(options.Validate(new ValidationContext(options)));
        Assert.Equal((30, 90, 90, 400), (options.Bodies.Days, options.Quarantine.Days, options.Notifications.Days, options.Events.Days));
        Assert.NotNull(options.Cron);
    }

    [Theory]
    [InlineData(400, 370, false)]
    [InlineData(400, 371, true)]
    [InlineData(44, 15, true)]
    [InlineData(0, 5000, false)]
    public async Task An_event_that_waited_until_its_identity_may_be_forgotten_is_not_applied(int events, int days, bool isRefused)
    {
        var time = new FakeTimeProvider(Deliveries.Noon);
        var unit = new UnitOfWork();
        var consumer = new WebhookReceivedConsumer(unit, Options.Create(new RetentionOptions { Events = TimeSpan.FromDays(events) }), time);
        var context = DispatchProxy.Create<ConsumeContext<WebhookReceived>, OnlyAMessage>();
        ((OnlyAMessage)(object)context).Message = Deliveries.Event("video.completed", "j", Deliveries.Noon.AddDays(-days));

        var failure = await Record.ExceptionAsync(() => consumer.Consume(context));

        Assert.Equal(isRefused, failure is ForgottenIdentityException);
        Assert.Equal(isRefused, unit.Event is null);
    }

    /// <summary>The message of a context, and nothing else of it.</summary>
    public class OnlyAMessage : DispatchProxy
    {
        public WebhookReceived? Message { get; set; }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod?.Name == "get_Message" ? Message : throw new NotSupportedException(targetMethod?.Name);
    }
}
