using System.Text;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;

namespace Platform.Contracts.Tests;

/// <summary>The exact wire format. Any change other than a new property breaks running services and queued messages.</summary>
public sealed class WireFormatTests
{
    [Fact]
    public void An_event()
    {
        var message = new WebhookReceived
        {
            EventId = new Guid("9393771b-625c-52d4-aacd-14b7678086ad"),
            EventType = "video.completed",
            JobId = "clx123",
            DeliveryId = new Guid("019aaf8e-0000-7000-8000-000000000001"),
            ReceivedAt = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero),
            SentAt = new DateTimeOffset(2026, 11, 23, 9, 59, 59, TimeSpan.Zero),
            Late = true,
            Origin = Origins.Live,
            SecretName = "0",
            Body = "{}"u8.ToArray(),
            BodySha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        };

        AssertOnTheWire(message, "urn:message:Platform.Contracts:WebhookReceived",
            """
            {
              "eventId": "9393771b-625c-52d4-aacd-14b7678086ad",
              "eventType": "video.completed",
              "jobId": "clx123",
              "deliveryId": "019aaf8e-0000-7000-8000-000000000001",
              "receivedAt": "2026-11-23T10:00:00+00:00",
              "sentAt": "2026-11-23T09:59:59+00:00",
              "late": true,
              "origin": "live",
              "secretName": "0",
              "body": "e30=",
              "bodySha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
            }
            """);
    }

    [Fact]
    public void A_body_that_is_no_event()
    {
        var message = new WebhookQuarantined
        {
            Reason = QuarantineReasons.NoId,
            DeliveryId = new Guid("019aaf8e-0000-7000-8000-000000000001"),
            ReceivedAt = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero),
            SentAt = new DateTimeOffset(2026, 11, 23, 9, 59, 59, TimeSpan.Zero),
            SecretName = "1",
            Body = ReadOnlyMemory<byte>.Empty,
            BodySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        };

        AssertOnTheWire(message, "urn:message:Platform.Contracts:WebhookQuarantined",
            """
            {
              "reason": "no_id",
              "deliveryId": "019aaf8e-0000-7000-8000-000000000001",
              "receivedAt": "2026-11-23T10:00:00+00:00",
              "sentAt": "2026-11-23T09:59:59+00:00",
              "secretName": "1",
              "body": "",
              "bodySha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
            }
            """);
    }

    [Fact]
    public void A_job_has_started() =>
        AssertOnTheWire(
            new JobStarted
            {
                JobId = "clx123",
                Resource = "video",
                ProjectType = "TEXT_TO_VIDEO",
                Name = "Été 🎬",
                StartedAt = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero),
            },
            "urn:message:Platform.Contracts:JobStarted",
            """
            {
              "jobId": "clx123",
              "resource": "video",
              "projectType": "TEXT_TO_VIDEO",
              "name": "Été \uD83C\uDFAC",
              "startedAt": "2026-11-23T10:00:00+00:00"
            }
            """);

    [Fact]
    public void A_job_has_completed() =>
        AssertOnTheWire(
            new JobCompleted
            {
                JobId = "clx123",
                Resource = "video",
                Downloads =
                [
                    new JobDownload("https://videos.magichour.ai/1.mp4", new DateTimeOffset(2026, 11, 24, 10, 0, 0, TimeSpan.Zero)),
                    new JobDownload("https://videos.magichour.ai/2.mp4", null),
                ],
                CreditsCharged = 240,
                CorrectsFailure = true,
                CompletedAt = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero),
            },
            "urn:message:Platform.Contracts:JobCompleted",
            """
            {
              "jobId": "clx123",
              "resource": "video",
              "projectType": null,
              "name": null,
              "downloads": [
                {
                  "url": "https://videos.magichour.ai/1.mp4",
                  "expiresAt": "2026-11-24T10:00:00+00:00"
                },
                {
                  "url": "https://videos.magichour.ai/2.mp4",
                  "expiresAt": null
                }
              ],
              "creditsCharged": 240,
              "correctsFailure": true,
              "completedAt": "2026-11-23T10:00:00+00:00"
            }
            """);

    [Fact]
    public void A_job_was_canceled() =>
        AssertOnTheWire(
            new JobCanceled
            {
                JobId = "clx123",
                Resource = "video",
                ProjectType = "TEXT_TO_VIDEO",
                IsDeleted = true,
                CanceledAt = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero),
            },
            "urn:message:Platform.Contracts:JobCanceled",
            """
            {
              "jobId": "clx123",
              "resource": "video",
              "projectType": "TEXT_TO_VIDEO",
              "name": null,
              "isDeleted": true,
              "canceledAt": "2026-11-23T10:00:00+00:00"
            }
            """);

    [Fact]
    public void A_job_has_failed() =>
        AssertOnTheWire(
            new JobFailed
            {
                JobId = "clx123",
                Resource = "image",
                ErrorCode = "no_source_face",
                ErrorMessage = "Please use an image with a detectable face",
                FailedAt = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero),
            },
            "urn:message:Platform.Contracts:JobFailed",
            """
            {
              "jobId": "clx123",
              "resource": "image",
              "projectType": null,
              "name": null,
              "errorCode": "no_source_face",
              "errorMessage": "Please use an image with a detectable face",
              "failedAt": "2026-11-23T10:00:00+00:00"
            }
            """);

    [Fact]
    public void A_registration() =>
        AssertOnTheWire(
            new RegisterJob
            {
                JobId = "clx123",
                Resource = "video",
                UserId = "user-7",
                Email = "ada@example.com",
                WebhookUrl = "https://example.com/hooks?a=b",
                RegisteredAt = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero),
            },
            "urn:message:Platform.Contracts:RegisterJob",
            """
            {
              "jobId": "clx123",
              "resource": "video",
              "userId": "user-7",
              "email": "ada@example.com",
              "webhookUrl": "https://example.com/hooks?a=b",
              "registeredAt": "2026-11-23T10:00:00+00:00"
            }
            """);

    [Fact]
    public void An_envelope_is_read_by_MassTransit_and_holds_what_MassTransit_would_write()
    {
        var now = new DateTimeOffset(2026, 11, 23, 10, 0, 1, TimeSpan.Zero);
        var message = new WebhookReceived
        {
            EventId = new Guid("9393771b-625c-52d4-aacd-14b7678086ad"),
            EventType = "vidéo.completed",
            JobId = "\"clx+123\"",
            DeliveryId = new Guid("019aaf8e-0000-7000-8000-000000000001"),
            ReceivedAt = now.AddTicks(10),
            SentAt = now,
            Late = false,
            Origin = Origins.Live,
            SecretName = "0",
            Body = new byte[] { 0xFB, 0xFF, 0xFE },
            BodySha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        };

        var envelope = Envelope.Create(message, now);
        var read = JsonSerializer.Deserialize<JsonMessageEnvelope>(envelope.Content.Span, SystemTextJsonMessageSerializer.Options)!;

        Assert.Equal("Platform.Contracts:WebhookReceived", envelope.Exchange);
        AssertReadBack(message, Envelope.Read(envelope.Content.Span));
        Assert.Equal(($"{message.EventId}", now.UtcDateTime), (read.MessageId, read.SentTime));
        Assert.Equal(["urn:message:Platform.Contracts:WebhookReceived"], read.MessageType!);
        Assert.Equal(
            JsonSerializer.Serialize(message, SystemTextJsonMessageSerializer.Options),
            JsonSerializer.Serialize(
                ((JsonElement)read.Message!).Deserialize<WebhookReceived>(SystemTextJsonMessageSerializer.Options),
                SystemTextJsonMessageSerializer.Options));
    }

    [Theory]
    [InlineData("headers")]
    [InlineData("responseAddress")]
    public void An_envelope_with_more_than_the_ingress_writes_is_for_MassTransit(string property) =>
        Assert.Null(Envelope.Read(Encoding.UTF8.GetBytes(
            $$"""{"messageId":"9393771b-625c-52d4-aacd-14b7678086ad","{{property}}":null,"messageType":[],"message":{},"sentTime":"2026-11-23T10:00:00Z"}""")));

    [Fact]
    public void An_envelope_of_another_contract_is_for_MassTransit() =>
        Assert.Null(Envelope.Read(Envelope.Create(Guid.NewGuid(), nameof(JobStarted), "{}"u8.ToArray(), DateTimeOffset.UnixEpoch).Content.Span));

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("""{"messageId":"x"}""")]
    [InlineData("""{"messageType":["urn:message:Platform.Contracts:WebhookReceived"],"message":{"jobId":"clx123"}}""")]
    public void A_message_without_an_envelope_is_named(string content) =>
        Assert.ThrowsAny<JsonException>(() => Envelope.Read(Encoding.UTF8.GetBytes(content)));

    [Fact]
    public void A_contract_that_is_JSON_already_is_not_touched()
    {
        var envelope = Envelope.Create(Guid.NewGuid(), nameof(JobStarted), """{"jobId":"clx123","name":"Été 🎬"}"""u8.ToArray(), DateTimeOffset.UnixEpoch);

        Assert.Equal("Platform.Contracts:JobStarted", envelope.Exchange);
        Assert.Contains("""message":{"jobId":"clx123","name":"Été 🎬"},""", Encoding.UTF8.GetString(envelope.Content.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_newer_version_adds_is_ignored()
    {
        var read = JsonSerializer.Deserialize<JobStarted>(
            """{"jobId": "clx123", "resource": "video", "startedAt": "2026-11-23T10:00:00+00:00", "addedLater": {"a": 1}}""",
            SystemTextJsonMessageSerializer.Options);

        Assert.Equal("clx123", read?.JobId);
    }

    private static void AssertReadBack(WebhookReceived message, ReceivedEnvelope? read)
    {
        var received = Assert.IsType<WebhookReceived>(read?.Message);

        Assert.Equal((message.EventId, MessageUrn.ForTypeString<WebhookReceived>()), (read.MessageId, read.MessageType));
        Assert.Equal(message.Body.ToArray(), received.Body.ToArray());
        Assert.Equal(message, received with { Body = message.Body });
    }

    private static void AssertOnTheWire<T>(T message, string urn, string json)
        where T : class
    {
        var indented = new JsonSerializerOptions(SystemTextJsonMessageSerializer.Options) { WriteIndented = true };

        Assert.Equal(urn, MessageUrn.ForTypeString<T>());
        Assert.Equal(json, JsonSerializer.Serialize(message, indented));
        Assert.Equal(json, JsonSerializer.Serialize(JsonSerializer.Deserialize<T>(json, indented), indented));
    }
}
