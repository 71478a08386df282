using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Notifications;
using Processor.Worker.Operations;

namespace Processor.Worker.Tests;

/// <summary>Several roles of one process read the same settings.</summary>
public sealed class SharedSettingsTests
{
    [Fact]
    public void A_section_that_two_roles_read_is_bound_once_and_its_errors_are_named_once()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection([new("OutgoingWebhooks:Secrets:0", "no secret")]);
        builder.Services.AddNotifications();
        builder.Services.AddOperations();

        using var services = builder.Services.BuildServiceProvider();

        Assert.Equal(["no secret"], services.GetRequiredService<IOptions<OutgoingWebhookOptions>>().Value.Secrets);
        Assert.Single(builder.FindSettingsErrors(), error => error.StartsWith("OutgoingWebhooks__Secrets__0", StringComparison.Ordinal));
    }
}
