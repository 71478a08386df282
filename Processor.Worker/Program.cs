using Processor.Worker;
using Processor.Worker.Backlog;
using Processor.Worker.Events;
using Processor.Worker.Hosting;
using Processor.Worker.Inbox;
using Processor.Worker.Notifications;
using Processor.Worker.Operations;
using Processor.Worker.Outbox;
using Processor.Worker.Persistence;
using Processor.Worker.Registration;
using Processor.Worker.Release;

if (!Arguments.TryParse(args, out var arguments, out var error))
{
    Console.Error.WriteLine($"{error}\n{Arguments.Usage}");
    return 2;
}

// Slim: without IIS, HTTP/3, and loggers other than the console; they were 2 MB. HTTPS is asked for below.
var builder = WebApplication.CreateSlimBuilder(arguments.Host);
builder.WebHost.UseKestrelHttpsConfiguration();
builder.UseSettingsDirectory();
builder.UseDefaultUrl("http://*:8081");
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddPersistence();
builder.AddConsoleLines();
builder.AddTelemetry();

if (arguments.Verb is Verb.Migrate)
{
    builder.Services.AddTopologyDeployment();
}
else if (arguments.Verb is null)
{
    builder.Services.AddMigrationGate();
    builder.Services.AddBacklog();
    builder.Services.AddRegistration();
}

if (arguments.Verb is null && arguments.Roles.HasFlag(Roles.Consume))
{
    builder.Services.AddInbox();
    builder.Services.AddOutbox();
    builder.Services.AddMessaging();
    builder.Services.AddEvents();
    builder.Services.AddRegistrationQueue();
}

if (arguments.Verb is null && arguments.Roles.HasFlag(Roles.Notify))
{
    builder.Services.AddNotifications();
}

if (arguments.Verb is null && arguments.Roles.HasFlag(Roles.Api))
{
    builder.Services.AddOperations();
}

if (builder.FindSettingsErrors() is { Count: > 0 } errors)
{
    Console.Error.WriteLine($"processor-worker does not start with these settings:\n  {string.Join("\n  ", errors)}");
    return 1;
}

await using var app = builder.Build();
if (arguments.Verb is Verb.Migrate)
{
    return await MigrateCommand.RunAsync(app.Services, app.Lifetime.ApplicationStopping);
}

if (arguments.Release is { } release)
{
    return await ReleaseCommand.RunAsync(app.Services, release, app.Lifetime.ApplicationStopping);
}

if (arguments.Roles.HasFlag(Roles.Api))
{
    app.MapOperations();
}

app.MapHealth();
app.MapPrometheusScrapingEndpoint();
await app.RunAsync();
return Environment.ExitCode;
