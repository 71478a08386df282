using Ingress.Api.Webhooks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Platform.DevStack;
using Platform.ServiceDefaults.Settings;

namespace Ingress.Api.Tests;

/// <summary>Secrets in a folder, mounted the way Kubernetes does it.</summary>
public sealed class WebhookSecretsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("webhook-secrets");
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_file_is_a_secret_dot_entries_and_white_space_around_it_are_not()
    {
        Write("old", "first\n");
        Write("new", " second \r\n");
        Write("..data", "not a secret");
        Write(".hidden", "not a secret");

        using var secrets = await StartAsync();

        Assert.Equal([WebhookSecret.Create("new", "second"), WebhookSecret.Create("old", "first")], secrets.Active);
    }

    [Fact]
    public async Task A_change_is_noticed_even_under_the_same_name()
    {
        Write("current", "first");
        using var secrets = await StartAsync();
        Assert.Equal([WebhookSecret.Create("current", "first")], secrets.Active);

        Write("current", "second");

        await AfterAPollAsync(() => secrets.Active.SequenceEqual([WebhookSecret.Create("current", "second")]));
    }

    [Fact]
    public async Task The_last_good_set_stays_when_the_folder_is_in_disorder()
    {
        Write("a", "first");
        Write("z", "last");
        using var secrets = await StartAsync();
        Assert.Equal(2, secrets.Active.Count);

        Write("a", "");
        _time.Advance(TimeSpan.FromSeconds(5));
        Write("a", "third");

        await AfterAPollAsync(() =>
        {
            Assert.Equal(2, secrets.Active.Count);
            return secrets.Active.Contains(WebhookSecret.Create("a", "third"));
        });
    }

    [Theory]
    [InlineData("\"first\"")]
    [InlineData("first\nsecond")]
    public void A_file_that_cannot_be_meant_is_named(string content)
    {
        Write("broken", content);

        var files = SecretFiles.Read(_folder.FullName, mayBeEmpty: false);

        Assert.Contains("'broken'", files.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("first", files.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_default_secret_never_becomes_active_outside_Development()
    {
        Write("a", "first");
        using var secrets = await StartAsync();
        Assert.Single(secrets.Active);

        Write("b", DefaultSecrets.Marker);
        _time.Advance(TimeSpan.FromSeconds(5));
        Write("b", "second");

        await AfterAPollAsync(() =>
        {
            Assert.DoesNotContain(WebhookSecret.Create("b", DefaultSecrets.Marker), secrets.Active);
            return secrets.Active.Count == 2;
        });
    }

    [Fact]
    public async Task Those_of_the_settings_are_active_too()
    {
        Write("file", "second");

        using var secrets = await StartAsync("first");

        Assert.Equal([WebhookSecret.Create("0", "first"), WebhookSecret.Create("file", "second")], secrets.Active);
    }

    [Fact]
    public async Task A_secret_is_revoked_by_emptying_the_folder_when_the_settings_have_another()
    {
        Write("leaked", "second");
        using var secrets = await StartAsync("first");
        Assert.Equal(2, secrets.Active.Count);

        File.Delete(Path.Combine(_folder.FullName, "leaked"));

        await AfterAPollAsync(() => secrets.Active.SequenceEqual([WebhookSecret.Create("0", "first")]));
    }

    [Fact]
    public async Task The_last_secret_of_all_stays_when_the_folder_is_emptied()
    {
        Write("only", "first");
        using var secrets = await StartAsync();
        Assert.Single(secrets.Active);

        File.Delete(Path.Combine(_folder.FullName, "only"));
        _time.Advance(TimeSpan.FromSeconds(5));
        Write("next", "second");

        await AfterAPollAsync(() =>
        {
            Assert.Single(secrets.Active);
            return secrets.Active.Contains(WebhookSecret.Create("next", "second"));
        });
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_folder.FullName, name), content);

    private async Task<WebhookSecrets> StartAsync(params string[] configured)
    {
        var secrets = new WebhookSecrets(
            Options.Create(new MagicHourOptions { WebhookSecrets = configured, WebhookSecretsDirectory = _folder.FullName }),
            new HostingEnvironment { EnvironmentName = Environments.Production },
            _time,
            NullLogger<WebhookSecrets>.Instance);
        await secrets.StartAsync(TestContext.Current.CancellationToken);
        return secrets;
    }

    private Task AfterAPollAsync(Func<bool> isTrue) => Waiting.UntilAsync("the folder was polled", () =>
    {
        _time.Advance(TimeSpan.FromSeconds(5));
        return Task.FromResult(isTrue());
    }, TestContext.Current.CancellationToken);
}
