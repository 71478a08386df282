using Ingress.Api.Webhooks;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Platform.LocalStack;

namespace Ingress.Api.Tests;

/// <summary>Secrets in a mounted folder, as Kubernetes keeps them.</summary>
public sealed class WebhookSecretsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("webhook-secrets");
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_file_is_a_secret_dot_entries_and_the_last_newline_are_not()
    {
        Write("old", "first\n");
        Write("new", " second \r\n");
        Write("..data", "not a secret");
        Write(".hidden", "not a secret");

        using var secrets = Create();

        Assert.Equal([WebhookSecret.Of("new", " second "), WebhookSecret.Of("old", "first")], secrets.Active);
    }

    [Fact]
    public async Task A_change_is_noticed_even_under_the_same_name()
    {
        Write("current", "first");
        using var secrets = Create();
        await secrets.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal([WebhookSecret.Of("current", "first")], secrets.Active);

        Write("current", "second");

        await AfterAPollAsync(() => secrets.Active.SequenceEqual([WebhookSecret.Of("current", "second")]));
    }

    [Fact]
    public async Task The_last_good_set_stays_when_the_folder_is_in_disorder()
    {
        Write("a", "first");
        Write("z", "last");
        using var secrets = Create();
        await secrets.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, secrets.Active.Count);

        Write("a", "");
        _time.Advance(TimeSpan.FromSeconds(5));
        Write("a", "third");

        await AfterAPollAsync(() =>
        {
            Assert.Equal(2, secrets.Active.Count);
            return secrets.Active.Contains(WebhookSecret.Of("a", "third"));
        });
    }

    [Fact]
    public void Those_of_the_settings_are_active_too()
    {
        Write("file", "second");

        using var secrets = Create("first");

        Assert.Equal([WebhookSecret.Of("0", "first"), WebhookSecret.Of("file", "second")], secrets.Active);
    }

    [Fact]
    public async Task A_secret_is_revoked_by_emptying_the_folder_when_the_settings_have_another()
    {
        Write("leaked", "second");
        using var secrets = Create("first");
        await secrets.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, secrets.Active.Count);

        File.Delete(Path.Combine(_folder.FullName, "leaked"));

        await AfterAPollAsync(() => secrets.Active.SequenceEqual([WebhookSecret.Of("0", "first")]));
    }

    [Fact]
    public async Task The_last_secret_of_all_stays_when_the_folder_is_emptied()
    {
        Write("only", "first");
        using var secrets = Create();
        await secrets.StartAsync(TestContext.Current.CancellationToken);
        Assert.Single(secrets.Active);

        File.Delete(Path.Combine(_folder.FullName, "only"));
        _time.Advance(TimeSpan.FromSeconds(5));
        Write("next", "second");

        await AfterAPollAsync(() =>
        {
            Assert.Single(secrets.Active);
            return secrets.Active.Contains(WebhookSecret.Of("next", "second"));
        });
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_folder.FullName, name), content);

    private WebhookSecrets Create(params string[] configured) => new(
        Options.Create(new MagicHourOptions { WebhookSecrets = configured, WebhookSecretsDirectory = _folder.FullName }),
        _time,
        NullLogger<WebhookSecrets>.Instance);

    private Task AfterAPollAsync(Func<bool> isTrue) => Waiting.UntilAsync("the folder was polled", () =>
    {
        _time.Advance(TimeSpan.FromSeconds(5));
        return Task.FromResult(isTrue());
    }, TestContext.Current.CancellationToken);
}
