using System.Reflection;
using Platform.ServiceDefaults.Hosting;
using Platform.ServiceDefaults.Logging;
using Platform.ServiceDefaults.Settings;
using Platform.ServiceDefaults.Telemetry;
using Processor.Worker;
using Processor.Worker.Accounting;
using Processor.Worker.Archiving;
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
using Processor.Worker.Rebuild;
using Processor.Worker.Reconciliation;
using Processor.Worker.Registration;
using Processor.Worker.Release;
using Processor.Worker.Replays;
using Processor.Worker.Retention;
using Processor.Worker.WebConsole;

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

return arguments switch
{
    { Verb: Verb.Migrate } => await MigrateAsync(arguments.Host, arguments.IsDryRun),
    { Release: { } request } => await ReleaseAsync(request),
    { Rebuild: { } request } => await RebuildAsync(request),
    { Verb: Verb.Retention } => await RetentionAsync(arguments.IsDryRun),
    _ => await WorkAsync(arguments.Host, arguments.Roles),
};

static Task<int> MigrateAsync(string[] settings, bool isDryRun)
{
    var builder = CreateBuilder(settings);
    // Consumers are registered only for their topology and never constructed, so their dependencies are missing. The Development
    // environment would validate them.
    builder.Host.UseDefaultServiceProvider(options => options.ValidateOnBuild = false);
    builder.Services.AddMigrate();
    return RunAsync(builder, app => isDryRun
        ? MigrateCommand.PlanAsync(app.Services, Console.Out, app.Lifetime.ApplicationStopping)
        : MigrateCommand.RunAsync(app.Services, Console.Out, app.Lifetime.ApplicationStopping));
}

static Task<int> ReleaseAsync(ReleaseRequest request) =>
    RunAsync(CreateBuilder([]), app => ReleaseCommand.RunAsync(app.Services, request, app.Lifetime.ApplicationStopping));

static Task<int> RetentionAsync(bool isDryRun) =>
    RunAsync(CreateBuilder([]), app => RetentionCommand.RunAsync(app.Services, isDryRun, app.Lifetime.ApplicationStopping));

static Task<int> RebuildAsync(RebuildRequest request) =>
    RunAsync(CreateBuilder([]), app => RebuildCommand.RunAsync(app.Services, request, app.Lifetime.ApplicationStopping));

static Task<int> WorkAsync(string[] settings, Roles roles)
{
    var builder = CreateBuilder(settings);
    builder.Services.AddMigrationGate(roles);
    builder.Services.AddBacklog(roles);
    builder.Services.AddRegistration();
    if (roles.HasFlag(Roles.Consume))
    {
        builder.Services.AddInbox();
        builder.Services.AddOutbox();
        builder.Services.AddMessaging();
        builder.Services.AddEvents();
        builder.Services.AddLedger();
        // Only this role writes bodies and may create partitions.
        builder.Services.AddHostedService<BodyPartitions>();
        builder.Services.AddRegistrationQueue();
        builder.Services.AddHostedService<ReplayRunner>();
        builder.Services.AddRetentionSchedule();
    }

    if (roles.HasFlag(Roles.Notify))
    {
        builder.Services.AddNotifications();
    }

    if (roles.HasFlag(Roles.Api))
    {
        builder.Services.AddOperations();
        builder.Services.AddConsole(builder.Configuration);
    }

    if (roles.HasFlag(Roles.Reconcile))
    {
        builder.Services.AddReconciliation();
    }

    if (roles.HasFlag(Roles.Archive))
    {
        builder.Services.AddArchiving();
    }

    return RunAsync(builder, app => ServeAsync(app, roles));
}

static async Task<int> ServeAsync(WebApplication app, Roles roles)
{
    app.WarnOfUnknownSettings();
    if (roles.HasFlag(Roles.Api))
    {
        app.MapOperations();
        app.MapConsole();
    }

    app.MapHealth();
    app.MapPrometheusScrapingEndpoint();
    if (app.FindListenError() is { } error)
    {
        Console.Error.WriteLine($"processor-worker: {error}");
        return 1;
    }

    app.Lifetime.ApplicationStarted.Register(ProcessEdge.ServiceStarted);
    await app.RunAsync();
    return Environment.ExitCode;
}

static WebApplicationBuilder CreateBuilder(string[] settings)
{
    DirectLoopback.Use();
    NoForeignContext.Use();

    // The slim builder leaves out IIS, HTTP/3 and all loggers but the console, which saves 2 MB. HTTPS is added below.
    var builder = WebApplication.CreateSlimBuilder(settings);
    builder.WebHost.UseKestrelHttpsConfiguration();
    builder.UseSettingsDirectory();
    builder.UseDefaultUrl("http://*:8081");
    builder.Services.AddSingleton(TimeProvider.System);
    builder.AcceptForeignHeaders();
    builder.Services.AddPersistence();
    builder.Services.AddBroker();
    builder.Services.AddRetention();
    builder.Services.AddAccounting();
    builder.AddConsoleLines();
    builder.AddTelemetry();
    return builder;
}

static async Task<int> RunAsync(WebApplicationBuilder builder, Func<WebApplication, Task<int>> runAsync)
{
    if (builder.FindSettingsErrors() is { Count: > 0 } errors)
    {
        Console.Error.WriteLine($"processor-worker does not start with these settings:\n  {string.Join("\n  ", errors)}");
        return 1;
    }

    await using var app = builder.Build();
    return await runAsync(app);
}
