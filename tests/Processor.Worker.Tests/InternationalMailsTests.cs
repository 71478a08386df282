using System.ComponentModel.DataAnnotations;
using Processor.Worker.Notifications;
using Processor.Worker.Owners;

namespace Processor.Worker.Tests;

/// <summary>Non-ASCII addresses: which are accepted, and their form on the wire.</summary>
public sealed class InternationalMailsTests
{
    private static readonly string[] Plain = ["8BITMIME"];
    private static readonly string[] International = ["8BITMIME", "SMTPUTF8"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Domains => new()
    {
        { "bücher.example", "xn--bcher-kva.example" },
        { "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { "BÜCHER.example", "xn--bcher-kva.example" },
        { "Xn--Bcher-KVA.Example", "Xn--Bcher-KVA.Example" },
        { "faß.example", "xn--fa-hia.example" },
        { "उदाहरण.परीक्षा", "xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g" },
        { "例え.テスト", "xn--r8jz45g.xn--zckzah" },
        { "مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv" },
        { "Example.COM", "Example.COM" },
    };

    [Theory, MemberData(nameof(Domains))]
    public async Task A_domain_goes_over_the_wire_in_ASCII_in_whichever_form_it_was_given(string domain, string ascii)
    {
        foreach (var extensions in new[] { Plain, International })
        {
            await using var server = new ScriptedMailServer { Extensions = extensions };
            using var harness = new NotificationHarness(null!);
            using var channel = harness.Email(server.Port, from: $"Büro <studio@{domain}>");

            Assert.Equal(Delivery.Delivered, await channel.SendAsync(NotificationHarness.NotificationDelivery($"Ada.L@{domain}"), Cancel));

            Assert.Contains($"RCPT TO:<Ada.L@{ascii}>", server.Commands);
            Assert.StartsWith($"MAIL FROM:<studio@{ascii}>", server.Commands.Single(line => line.StartsWith("MAIL", StringComparison.Ordinal)), StringComparison.Ordinal);
            Assert.DoesNotContain(server.Commands, line => line.Contains("SMTPUTF8", StringComparison.Ordinal));
            Assert.True(System.Text.Ascii.IsValid(Headers(server.Messages.Single())), Headers(server.Messages.Single()));
            Assert.Contains($"@{ascii}>", Header(server.Messages.Single(), "Message-Id"), StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Domains))]
    public void A_domain_is_accepted_in_both_forms(string domain, string ascii)
    {
        Assert.Empty(RegistrationRules.FindErrors(Owners.Register("j", $"ada@{domain}", $"https://{domain}/hooks")));
        Assert.Empty(RegistrationRules.FindErrors(Owners.Register("j", $"ada@{ascii}", $"https://{ascii}/hooks")));
        Assert.Empty(NotificationHarness.EmailOptions(25, from: $"studio@{domain}").Validate(new ValidationContext(this)));
        Assert.Equal(ascii, DomainName.ToAscii(domain));
    }

    [Theory]
    [InlineData("bu\u0308cher.example")]
    [InlineData("\uFF41\uFF42.example")]
    [InlineData("bü\u200Dcher.example")]
    [InlineData("bü\uFFFDcher.example")]
    [InlineData("\u2603.example")]
    [InlineData("-bücher.example")]
    [InlineData("bücher-.example")]
    [InlineData("bü_cher.example")]
    [InlineData("üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü.example")]
    public void A_domain_that_is_not_understood_is_rejected_with_the_way_out(string domain)
    {
        var errors = RegistrationRules.FindErrors(Owners.Register("j", $"ada@{domain}", $"https://{domain}/hooks"));

        Assert.Contains("xn--", Assert.Single(errors["email"]), StringComparison.Ordinal);
        Assert.NotEmpty(Assert.Single(errors["webhookUrl"]));
        Assert.NotEmpty(NotificationHarness.EmailOptions(25, from: $"studio@{domain}").Validate(new ValidationContext(this)));
        Assert.Null(DomainName.ToAscii(domain));
    }

    [Theory]
    [InlineData("\uFFFDda@example.com")]
    [InlineData("a\uE000da@example.com")]
    public void A_local_part_that_no_server_can_have_is_rejected(string address)
    {
        var errors = RegistrationRules.FindErrors(Owners.Register("j", address));

        Assert.Contains("before the @", Assert.Single(errors["email"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("дата@example.com", "дата@example.com")]
    [InlineData("ünï@BÜCHER.example", "ünï@bücher.example")]
    public async Task A_local_part_beyond_ASCII_needs_a_server_with_SMTPUTF8(string address, string onTheWire)
    {
        await using var server = new ScriptedMailServer { Extensions = International };
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Email(server.Port);

        Assert.Empty(RegistrationRules.FindErrors(Owners.Register("j", address)));
        Assert.Equal(Delivery.Delivered, await channel.SendAsync(NotificationHarness.NotificationDelivery("ada@bücher.example"), Cancel));
        Assert.Equal(Delivery.Delivered, await channel.SendAsync(NotificationHarness.NotificationDelivery(address), Cancel));
        Assert.Equal(Delivery.Delivered, await channel.SendAsync(NotificationHarness.NotificationDelivery("ada@bücher.example"), Cancel));

        Assert.Contains($"RCPT TO:<{onTheWire}>", server.Commands);
        Assert.Single(server.Commands, line => line.Contains("SMTPUTF8", StringComparison.Ordinal));
        Assert.Equal(2, server.Commands.Count(line => line == "RCPT TO:<ada@xn--bcher-kva.example>"));
    }

    [Fact]
    public async Task Without_SMTPUTF8_it_is_refused_for_good_and_says_why()
    {
        await using var server = new ScriptedMailServer { Extensions = Plain };
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Email(server.Port);

        var delivery = await channel.SendAsync(NotificationHarness.NotificationDelivery("ünï@example.com"), Cancel);

        Assert.Equal(DeliveryOutcome.Refused, delivery.Outcome);
        Assert.Contains("SMTPUTF8", delivery.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("ünï", delivery.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Commands, line => line.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_sender_that_needs_SMTPUTF8_is_the_operators_to_fix()
    {
        await using var server = new ScriptedMailServer { Extensions = Plain };
        using var harness = new NotificationHarness(null!);
        using var channel = harness.Email(server.Port, from: "büro@example.com");

        var delivery = await channel.SendAsync(NotificationHarness.NotificationDelivery("ada@example.com"), Cancel);

        Assert.Equal(DeliveryOutcome.Failed, delivery.Outcome);
        Assert.Contains("Email__From", delivery.Reason, StringComparison.Ordinal);
    }

    private static string Headers(string message) => message[..message.ReplaceLineEndings("\n").IndexOf("\n\n", StringComparison.Ordinal)];

    private static string Header(string message, string name) =>
        Headers(message).Split('\n').Single(line => line.StartsWith($"{name}:", StringComparison.OrdinalIgnoreCase));
}
