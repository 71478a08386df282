using System.Text;
using Platform.Contracts;
using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Several users of one broker; one of them registered the job.</summary>
public sealed class RegistrationTakeoverTests(ServersFixture servers)
{
    [Fact]
    public async Task Who_learned_a_jobs_id_cannot_take_its_registration_over_and_is_parked()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        await platform.StartWorkerAsync();
        await using var application = await ConnectAsAsync(platform, "application");
        await using var stranger = await ConnectAsAsync(platform, "stranger");

        await application.PublishAsync(Register("j", "ada@example.com", null), Cancel, "application");
        await platform.CountAsync(1, "select count(*) from job_registrations where registered_by = 'broker:application'");
        await stranger.PublishAsync(Register("j", "eve@example.com", null), Cancel, "stranger");
        await stranger.PublishAsync(Register("j", "eve@example.com", null), Cancel);
        await ParkedAsync(platform, Topology.RegisterJobErrorQueue, 2);
        await application.PublishAsync(Register("j", "new@example.com", null), Cancel, "application");

        await platform.CountAsync(1, "select count(*) from job_registrations where email = 'new@example.com'");
        string[] reasons = [await TakeReasonAsync(platform), await TakeReasonAsync(platform)];
        Assert.Equal(
            ["anonymous may not change this job's registration, or not without its userId.", "broker:stranger may not change this job's registration."], reasons.Order());
        Assert.Contains(platform.Logs, log => log.Contains("Rejected a registration of job j by broker:stranger", StringComparison.Ordinal));
    }

    /// <summary>Connects as another user of the platform's broker.</summary>
    private static async Task<Broker> ConnectAsAsync(TestPlatform platform, string user)
    {
        await platform.OwnBroker.ControlAsync(Cancel, "add_user", user, user);
        await platform.OwnBroker.ControlAsync(Cancel, "set_permissions", user, "", @"^Platform\.Contracts:", "");
        return await Broker.ConnectAsync(new UriBuilder(platform.RabbitMq) { UserName = user, Password = user }.Uri.AbsoluteUri, Cancel);
    }

    private static Task ParkedAsync(TestPlatform platform, string queue, uint count) =>
        Waiting.UntilAsync($"{count} in {queue}", async () => await platform.Broker.CountAsync(queue, Cancel) == count, Cancel);

    private static async Task<string> TakeReasonAsync(TestPlatform platform)
    {
        var parked = await platform.Broker.TakeAsync(Topology.RegisterJobErrorQueue, Cancel);
        return Encoding.UTF8.GetString((byte[])parked.BasicProperties.Headers!["MT-Fault-Message"]!);
    }
}
