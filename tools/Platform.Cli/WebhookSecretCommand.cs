using System.CommandLine;
using Platform.DevStack;
using Platform.ServiceDefaults.Settings;

namespace Platform.Cli;

/// <summary><c>./platform webhook-secret</c>: prints the keys with which one receiver verifies the platform's webhooks.</summary>
internal static class WebhookSecretCommand
{
    private static readonly Option<string> Url = new("--url") { Description = "Address of the receiver, such as https://example.com/hooks.", Required = true };

    private static readonly Option<string[]> Secret = new("--secret")
    {
        Description = "A secret of OutgoingWebhooks__Secrets; may be repeated during a rotation. By default the local native stack's.",
    };

    public static Command Create()
    {
        var command = new Command("webhook-secret", "Print the receiver's key, one line for each secret; the audience goes to standard error.") { Url, Secret };
        command.Validators.Add(result =>
        {
            if (result.Texts(Url).Any(url => !TryReadUrl(url, out _)))
            {
                result.AddError("--url must be an absolute http or https address, without user and password.");
            }

            if (result.Texts(Secret).Any(secret => !OutgoingWebhookSecret.TryRead(secret, out _)))
            {
                result.AddError("--secret must be whsec_ followed by the base64 of 24 to 64 bytes.");
            }
        });
        command.SetAction(arguments =>
        {
            TryReadUrl(arguments.GetValue(Url), out var url);
            Show(OutgoingWebhookSecret.AudienceOf(url!), arguments.GetValue(Secret) is { Length: > 0 } given ? given : [FindLocalSecret()]);
        });
        return command;
    }

    private static void Show(string audience, string[] secrets)
    {
        Console.Error.WriteLine($"audience: {audience}");
        foreach (var secret in secrets)
        {
            OutgoingWebhookSecret.TryRead(secret, out var bytes);
            Console.WriteLine(OutgoingWebhookSecret.Write(OutgoingWebhookSecret.DeriveFor(audience, bytes)));
        }
    }

    // Only the native stack sends webhooks.
    private static string FindLocalSecret() => Stack.Load() is { Kind: StackKind.Native }
        ? Stack.LocalOutgoingSecret
        : throw new SetupException("No native stack is up here: run ./platform up --native first, or give --secret.");

    private static bool TryReadUrl(string? text, out Uri? url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url) && url is { Scheme: "http" or "https", UserInfo: "", Host.Length: > 0 };
}
