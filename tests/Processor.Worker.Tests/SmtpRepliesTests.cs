using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>How a reply of the mail server is interpreted: as about this mail, or about the relay, the session or the sender.</summary>
public sealed class SmtpRepliesTests
{
    private const string Detail = "mallory-7f3a";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A phase, and a reply about the relay, the session or the sender: other mails fail in the same way.</summary>
    public static TheoryData<string, string> Retried => new()
    {
        { ScriptedMailServer.Greeting, "554 5.7.1 connection refused, listed" },
        { ScriptedMailServer.Greeting, "521 no mail here" },
        { ScriptedMailServer.Greeting, "421 4.3.2 shutting down" },
        { ScriptedMailServer.Greeting, "SSH-2.0-OpenSSH_9.6" },
        { ScriptedMailServer.Greeting, ScriptedMailServer.HangUp },
        { "EHLO HELO", "554 5.7.1 go away" },
        { "EHLO HELO", "550 5.7.1 your host name is not allowed" },
        { "EHLO HELO", "252 unexpected" },
        { "EHLO HELO", ScriptedMailServer.HangUp },
        { "STARTTLS", "454 4.7.0 TLS is not available" },
        { "STARTTLS", "554 5.7.0 TLS is not available" },
        { "AUTH", "535 5.7.8 wrong password" },
        { "AUTH", "534 5.7.9 mechanism too weak" },
        { "AUTH", "550 5.7.13 account disabled" },
        { "AUTH", "454 4.7.0 later" },
        { "MAIL", "550 5.4.5 daily sending limit exceeded" },
        { "MAIL", "553 5.7.1 sender address not verified" },
        { "MAIL", "550 5.1.8 sender domain does not exist" },
        { "MAIL", "550 no such sender" },
        { "MAIL", "552 sender over quota" },
        { "MAIL", "530 5.7.0 authentication required" },
        { "MAIL", "501 5.1.7 syntax of the sender" },
        { "MAIL", "550 5.1.1 no such user" },
        { "MAIL", "553 5.6.7 not in this form" },
        { "MAIL", "451 4.3.0 later" },
        { "MAIL", ScriptedMailServer.HangUp },
        { "RCPT", "554 5.7.1 relay access denied" },
        { "RCPT", "550 5.7.1 client host blocked" },
        { "RCPT", "550 5.7.0 must log in first" },
        { "RCPT", "550 5.7.23 SPF validation failed" },
        { "RCPT", "550 5.7.27 sender has a null MX" },
        { "RCPT", "550 5.1.8 sender domain does not exist" },
        { "RCPT", "553 5.1.7 syntax of the sender" },
        { "RCPT", "550 5.1.0 address rejected" },
        { "RCPT", "550 5.2.0 something about a mailbox" },
        { "RCPT", "550 5.4.1 no answer from host" },
        { "RCPT", "550 5.4.6 routing loop" },
        { "RCPT", "552 5.3.1 mail system full" },
        { "RCPT", "550 5.3.5 misconfigured" },
        { "RCPT", "503 5.5.1 bad sequence of commands" },
        { "RCPT", "501 5.5.4 parameters" },
        { "RCPT", "530 5.7.0 authentication required" },
        { "RCPT", "554 no" },
        { "RCPT", "554 5.0.0 no" },
        { "RCPT", "552 too many recipients" },
        { "RCPT", "553 this is not in my list of allowed hosts (#5.7.1)" },
        { "RCPT", "450 4.2.1 greylisted" },
        { "RCPT", "452 4.2.2 mailbox full" },
        { "RCPT", "450 5.1.1 unsure" },
        { "RCPT", "550 4.1.1 unsure" },
        { "RCPT", ScriptedMailServer.HangUp },
        { "DATA", "554 5.5.1 no valid recipients" },
        { "DATA", "554 5.7.1 not allowed" },
        { "DATA", "451 4.3.0 later" },
        { "DATA", "250 unexpected" },
        { ScriptedMailServer.Message, "554 the sender is not verified" },
        { ScriptedMailServer.Message, "550 5.7.1 not authorized" },
        { ScriptedMailServer.Message, "550 5.7.60 not allowed to send as this sender" },
        { ScriptedMailServer.Message, "550 5.7.26 DMARC" },
        { ScriptedMailServer.Message, "550 5.7.28 too much mail" },
        { ScriptedMailServer.Message, "554 5.2.252 not allowed to send as this sender" },
        { ScriptedMailServer.Message, "552 5.3.1 mail system full" },
        { ScriptedMailServer.Message, "554 5.4.7 expired" },
        { ScriptedMailServer.Message, "552 4.2.2 unsure" },
        { ScriptedMailServer.Message, "451 4.7.1 later" },
        { ScriptedMailServer.Message, ScriptedMailServer.HangUp },
    };

    /// <summary>A phase, and a reply that permanently refuses this recipient or this message.</summary>
    public static TheoryData<string, string> Parked => new()
    {
        { "MAIL", "552 5.3.4 message too big" },
        { "RCPT", "550 5.1.1 no such user" },
        { "RCPT", "550-5.1.1 no such user\r\n550 5.1.1 and never was" },
        { "RCPT", "550 5.1.2 no such domain" },
        { "RCPT", "501 5.1.3 syntax of the recipient" },
        { "RCPT", "553 5.1.4 ambiguous" },
        { "RCPT", "551 5.1.6 moved" },
        { "RCPT", "556 5.1.10 null MX" },
        { "RCPT", "554 5.1.1 no such user" },
        { "RCPT", "550 5.2.1 mailbox disabled" },
        { "RCPT", "552 5.2.2 mailbox full" },
        { "RCPT", "552 5.2.3 longer than this mailbox takes" },
        { "RCPT", "550 5.2.4 mailing list" },
        { "RCPT", "553 5.6.7 address not in ASCII" },
        { "RCPT", "550 5.7.2 not a member of the list" },
        { "RCPT", "550 5.7.17 the mailbox has another owner" },
        { "RCPT", "550 5.7.18 the domain has another owner" },
        { "RCPT", "550 no such user" },
        { "RCPT", "550 5.0.0 no such user" },
        { "RCPT", "550 185.1.1.2 says no such user" },
        { "RCPT", "551 not local" },
        { "RCPT", "553 not a mailbox name" },
        { "RCPT", "556 takes no mail" },
        { "RCPT", "553 there is no such user here (#5.1.1)" },
        { "RCPT", "550 #5.1.1 no such user" },
        { "DATA", "550 5.1.1 no such user" },
        { ScriptedMailServer.Message, "550 5.1.1 no such user" },
        { ScriptedMailServer.Message, "552 5.2.2 mailbox full" },
        { ScriptedMailServer.Message, "552 5.3.4 message too big" },
        { ScriptedMailServer.Message, "554 5.6.0 content rejected" },
        { ScriptedMailServer.Message, "550 5.6.1 not a medium" },
        { ScriptedMailServer.Message, "550 rejected for its content" },
        { ScriptedMailServer.Message, "552 message too big" },
    };

    [Theory, MemberData(nameof(Retried))]
    public Task What_describes_the_relay_or_the_sender_is_tried_again(string step, string reply) =>
        RefuseAsync(step, reply, DeliveryOutcome.Failed);

    [Theory, MemberData(nameof(Parked))]
    public Task What_refuses_this_recipient_or_this_message_for_good_is_not_tried_again(string step, string reply) =>
        RefuseAsync(step, reply, DeliveryOutcome.Refused);

    [Theory]
    [InlineData("250 OK")]
    [InlineData("251 will forward")]
    [InlineData("299 whatever")]
    public async Task A_message_that_is_accepted_by_any_code_is_not_sent_again(string reply)
    {
        await using var server = new ScriptedMailServer();
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Email(server.Port);
        server.Script[ScriptedMailServer.Message] = reply;

        Assert.Equal(Delivery.Delivered, await channel.SendAsync(NotificationHarness.NotificationDelivery("ada@example.com"), Cancel));
    }

    /// <summary>
    /// The same result with and without PIPELINING. The next mail is delivered, over a
    /// new connection unless the session is known to be intact.
    /// </summary>
    private static async Task RefuseAsync(string step, string reply, DeliveryOutcome expected)
    {
        foreach (var pipelining in new[] { "PIPELINING", "HELP" })
        {
            await using var server = new ScriptedMailServer { Extensions = ["8BITMIME", "AUTH PLAIN", "STARTTLS", pipelining] };
            using var harness = new NotificationHarness(null!);
            using var channel = harness.Email(server.Port, step == "STARTTLS" ? EmailSecurity.StartTls : EmailSecurity.None, user: "user");
            Array.ForEach(step.Split(' '), command => server.Script[command] = reply == ScriptedMailServer.HangUp ? reply : $"{reply} {Detail}");

            var refused = await channel.SendAsync(NotificationHarness.NotificationDelivery($"{Detail}@example.com"), Cancel);

            Assert.Equal(expected, refused.Outcome);
            Assert.DoesNotContain(Detail, refused.Reason, StringComparison.Ordinal);
            await SendNextAsync(server, step == "STARTTLS" ? harness.Email(server.Port) : channel);
            Assert.Equal(expected is DeliveryOutcome.Refused ? 1 : 2, server.OpenedConnections);
        }
    }

    private static async Task SendNextAsync(ScriptedMailServer server, EmailChannel channel)
    {
        server.Script.Clear();

        Assert.Equal(Delivery.Delivered, await channel.SendAsync(NotificationHarness.NotificationDelivery("ada@example.com"), Cancel));

        Assert.Single(server.Messages);
    }
}
