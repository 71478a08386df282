using System.Text;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>The signature of Standard Webhooks, tested against the vectors of its own libraries.</summary>
public sealed class WebhookSignatureTests
{
    [Theory]
    // From libraries/csharp, go, java, javascript, php, python and ruby.
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, """{"test": 2432232314}""",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    // From libraries/rust.
    [InlineData("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
        """{"email":"test@example.com","username":"test_user"}""", "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=")]
    public void The_published_vectors(string secret, string id, long timestamp, string body, string signature)
    {
        Assert.True(OutgoingWebhookSecret.TryRead(secret, out var key));

        Assert.Equal(signature, WebhookSignature.Sign([key], id, timestamp, Encoding.UTF8.GetBytes(body)));
    }

    [Fact]
    public void While_a_secret_is_rotated_both_sign()
    {
        Assert.True(OutgoingWebhookSecret.TryRead("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", out var first));
        Assert.True(OutgoingWebhookSecret.TryRead("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", out var second));

        Assert.Equal(
            $"{WebhookSignature.Sign([first], "msg_a", 1, "{}"u8)} {WebhookSignature.Sign([second], "msg_a", 1, "{}"u8)}",
            WebhookSignature.Sign([first, second], "msg_a", 1, "{}"u8));
    }
}
