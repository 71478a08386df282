using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.DevStack;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>
/// Requirements for every channel. To add a channel, add a line to <see cref="OpenAsync"/>; the first test fails without it.
/// </summary>
public sealed class ChannelConformanceTests
{
    private const string Detail = "mallory-7f3a";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> Channels => ["email", "webhook"];

    [Fact]
    public void Every_channel_is_tested_here()
    {
        using var services = new ServiceCollection()
            .AddSingleton<IConfiguration>(new ConfigurationBuilder().Build()).AddSingleton(TimeProvider.System).AddLogging().AddNotifications().BuildServiceProvider();

        Assert.Equal(Channels.Select(row => row.Data), services.GetServices<INotificationChannel>().Select(channel => channel.Name));
        Assert.All(services.GetServices<INotificationChannel>(), channel => Assert.False(channel.IsConfigured));
    }

    [Theory, MemberData(nameof(Channels))]
    public async Task A_notice_arrives_with_what_it_says(string name)
    {
        await using var opened = await OpenAsync(name);

        Assert.Equal(name, opened.Channel.Name);
        Assert.True(opened.Channel.IsConfigured);
        Assert.Equal(Delivery.Delivered, await opened.Channel.SendAsync(NotificationHarness.NotificationDelivery(opened.Address, "Holiday"), Cancel));
        Assert.Equal(Delivery.Delivered, await opened.Channel.SendAsync(NotificationHarness.NotificationDelivery(opened.Address, outcome: JobStatus.Failed), Cancel));

        var (completed, failed) = (opened.Arrived[0], opened.Arrived[1]);
        Assert.Contains("Holiday", completed.Text, StringComparison.Ordinal);
        Assert.Contains("https://videos.magichour.ai/1.mp4", completed.Text, StringComparison.Ordinal);
        Assert.Contains("Please use an image with a detectable face", failed.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("https://videos.magichour.ai", failed.Text, StringComparison.Ordinal);
        Assert.NotEqual(completed.Id, failed.Id);
    }

    [Theory, MemberData(nameof(Channels))]
    public async Task Every_attempt_has_the_same_id(string name)
    {
        await using var opened = await OpenAsync(name);

        await opened.Channel.SendAsync(NotificationHarness.NotificationDelivery(opened.Address), Cancel);
        await opened.Channel.SendAsync(NotificationHarness.NotificationDelivery(opened.Address) with { Attempt = 2 }, Cancel);

        Assert.Equal(2, opened.Arrived.Count);
        Assert.Single(opened.Arrived.Select(one => one.Id).Distinct());
    }

    [Theory, MemberData(nameof(Channels))]
    public async Task Whatever_a_user_is_called_it_is_delivered(string name)
    {
        await using var opened = await OpenAsync(name);
        string?[] names =
        [
            null, "", "a\r\nBcc: b@example.com\r\n\r\nbody", "\"quoted\" \\ and <b>tags</b> & more", "夏の写真 🎬", "مرحبا", "\u202Ereversed", new string('n', 2000),
        ];

        foreach (var strange in names)
        {
            Assert.Equal(Delivery.Delivered, await opened.Channel.SendAsync(NotificationHarness.NotificationDelivery(opened.Address, strange), Cancel));
        }

        Assert.Equal(names.Length, opened.Arrived.Count);
    }

    [Theory, MemberData(nameof(Channels))]
    public async Task Who_does_not_want_it_is_left_alone_and_who_cannot_take_it_now_is_asked_again(string name)
    {
        await using var opened = await OpenAsync(name);

        var refused = await opened.Channel.SendAsync(NotificationHarness.NotificationDelivery(opened.UnknownAddress), Cancel);
        var failed = await opened.Channel.SendAsync(NotificationHarness.NotificationDelivery(opened.BusyAddress), Cancel);

        Assert.Equal((DeliveryOutcome.Refused, DeliveryOutcome.Failed), (refused.Outcome, failed.Outcome));
        AssertRevealsNothing(refused, failed);
    }

    [Theory, MemberData(nameof(Channels))]
    public async Task An_unreachable_server_is_a_failure_and_no_exception(string name)
    {
        await using var opened = await OpenAsync(name);
        await opened.StopAnsweringAsync();

        var failed = await opened.Channel.SendAsync(NotificationHarness.NotificationDelivery(opened.Address), Cancel);

        Assert.Equal(DeliveryOutcome.Failed, failed.Outcome);
        AssertRevealsNothing(failed);
    }

    [Theory, MemberData(nameof(Channels))]
    public async Task A_server_that_hangs_is_left_when_the_time_is_over(string name)
    {
        using var hanging = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        hanging.Start();
        var port = ((IPEndPoint)hanging.LocalEndpoint).Port;
        using var harness = new NotificationHarness(null!);
        using var webhooks = harness.Webhooks($"127.0.0.1:{port}");
        using var mails = harness.Email(port);
        INotificationChannel channel = name == "email" ? mails : webhooks;
        using var over = new CancellationTokenSource();

        var attempt = channel.SendAsync(NotificationHarness.NotificationDelivery(name == "email" ? "a@example.com" : $"http://127.0.0.1:{port}/"), over.Token);
        using var connection = await hanging.AcceptTcpClientAsync(Cancel);
        await over.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => attempt);
    }

    /// <summary>Neither the recipient nor the text of a stranger's response is shown.</summary>
    private static void AssertRevealsNothing(params Delivery[] deliveries) => Assert.All(deliveries, delivery =>
    {
        Assert.False(string.IsNullOrWhiteSpace(delivery.Reason));
        Assert.DoesNotContain(Detail, delivery.Reason, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("127.0.0.1", delivery.Reason, StringComparison.Ordinal);
    });

    private static async Task<OpenedChannel> OpenAsync(string name)
    {
        var harness = new NotificationHarness(null!);
        if (name == "email")
        {
            var folder = await TestFolder.CreateAsync(Cancel);
            var server = await SmtpServer.StartAsync(folder.Path, folder.Daemons, Cancel);
            var mails = harness.Email(server.Port);
            return new OpenedChannel
            {
                Channel = mails,
                Address = $"{Detail}@example.com",
                UnknownAddress = $"unknown-{Detail}@example.com",
                BusyAddress = $"later-{Detail}@example.com",
                ReadArrived = () => [.. server.Mails.Select(ReadMail)],
                StopAnsweringAsync = () => server.Process.KillAsync(Cancel),
                Close = async () =>
                {
                    mails.Dispose();
                    harness.Dispose();
                    await folder.DisposeAsync();
                },
            };
        }

        var receiver = await WebhookReceiver.StartAsync(Cancel);
        receiver.Answer = http =>
        {
            http.Response.StatusCode = http.Request.Path.Value!.Contains("unknown", StringComparison.Ordinal) ? 410
                : http.Request.Path.Value.Contains("later", StringComparison.Ordinal) ? 503 : 204;
            return http.Response.StatusCode == 204 ? Task.CompletedTask : http.Response.WriteAsync(Detail);
        };
        var channel = harness.Webhooks(receiver.Target);
        return new OpenedChannel
        {
            Channel = channel,
            Address = $"{receiver.Url}/{Detail}",
            UnknownAddress = $"{receiver.Url}/unknown/{Detail}",
            BusyAddress = $"{receiver.Url}/later/{Detail}",
            ReadArrived = () => [.. receiver.Received.Select(webhook => (webhook.Id, Encoding.UTF8.GetString(webhook.Body.Span)))],
            StopAnsweringAsync = () => receiver.DisposeAsync().AsTask(),
            Close = async () =>
            {
                channel.Dispose();
                harness.Dispose();
                await receiver.DisposeAsync();
            },
        };
    }

    private static (string Id, string Text) ReadMail(string text)
    {
        using var stream = new MemoryStream(Encoding.Latin1.GetBytes(text));
        using var mail = MimeKit.MimeMessage.Load(stream);
        return (mail.MessageId ?? "", mail.TextBody ?? "");
    }

    /// <summary>A channel, and the server at its other end.</summary>
    private sealed class OpenedChannel : IAsyncDisposable
    {
        public required INotificationChannel Channel { get; init; }

        public required string Address { get; init; }

        /// <summary>Refuses permanently.</summary>
        public required string UnknownAddress { get; init; }

        /// <summary>Refuses temporarily.</summary>
        public required string BusyAddress { get; init; }

        public required Func<IReadOnlyList<(string Id, string Text)>> ReadArrived { get; init; }

        public required Func<Task> StopAnsweringAsync { get; init; }

        public required Func<ValueTask> Close { get; init; }

        public IReadOnlyList<(string Id, string Text)> Arrived => ReadArrived();

        public ValueTask DisposeAsync() => Close();
    }
}
