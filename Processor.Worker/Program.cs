using System.Reflection;
using Platform.ServiceDefaults.Hosting;
using Platform.ServiceDefaults.Logging;
using Platform.ServiceDefaults.Settings;
using Platform.ServiceDefaults.Telemetry;
using Processor.Worker;
using Processor.Worker.Backlog;
using Processor.Worker.Broker;
using Processor.Worker.Consumers;
using Processor.Worker.Events;
using Processor.Worker.Hosting;
using Processor.Worker.Inbox;
using Processor.Worker.Migrate;
using Processor.Worker.Notifications;
using Processor.Worker.Operations;
using Processor.Worker.Outbox;
using Processor.Worker.Persistence;
using Processor.Worker.Registration;
using Processor.Worker.Release;

ProcessEdge.DescribeUnhandledExceptions("processor-worker", Assembly.GetExecutingAssembly());
if (!Arguments.TryParse(args, out var arguments, out var error))
{
    Console.Error.WriteLine($"{error}\n{Arguments.Usage}");
    return 2;
}

if (arguments.Verb is Verb.Version)
{
    Console.WriteLine($"processor-worker {BuildVersion.Text}");
    return 0;
}

DirectLoopback.Use();
NoForeignContext.Use();

// The slim builder leaves out IIS, HTTP/3 and all loggers but the console, which saves 2 MB. HTTPS is added below.
var builder = WebApplication.CreateSlimBuilder(arguments.Host);
builder.WebHost.UseKestrelHttpsConfiguration();
builder.UseSettingsDirectory();
builder.UseDefaultUrl("http://*:8081");
builder.Services.AddSingleton(TimeProvider.System);
builder.AcceptForeignHeaders();
builder.Services.AddPersistence();
builder.Services.AddBroker();
builder.AddConsoleLines();
builder.AddTelemetry();

if (arguments.Verb is Verb.Migrate)
{
    // Consumers are registered only for their topology and never constructed, so their dependencies are missing. The Development
    // environment would validate them.
    builder.Host.UseDefaultServiceProvider(options => options.ValidateOnBuild = false);
    builder.Services.AddTopologyDeployment();
    builder.Services.AddDatabaseRights();
}
else if (arguments.Verb is null)
{
    builder.Services.AddMigrationGate(arguments.Roles);
    builder.Services.AddBacklog(arguments.Roles);
    builder.Services.AddRegistration();
}

if (arguments.Verb is null && arguments.Roles.HasFlag(Roles.Consume))
{
    builder.Services.AddInbox();
    builder.Services.AddOutbox();
    builder.Services.AddMessaging();
    builder.Services.AddEvents();
    // Only this role writes bodies and may create partitions.
    builder.Services.AddHostedService<BodyPartitions>();
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

app.WarnOfUnknownSettings();
if (arguments.Roles.HasFlag(Roles.Api))
{
    app.MapOperations();
}

app.MapHealth();
app.MapPrometheusScrapingEndpoint();
if (app.FindListenError() is { } listenError)
{
    Console.Error.WriteLine($"processor-worker: {listenError}");
    return 1;
}

app.Lifetime.ApplicationStarted.Register(ProcessEdge.ServiceStarted);
await app.RunAsync();
return Environment.ExitCode;
