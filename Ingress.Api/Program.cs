using System.Reflection;
using Ingress.Api.Hosting;
using Ingress.Api.Publishing;
using Ingress.Api.Webhooks;
using Platform.ServiceDefaults.Hosting;
using Platform.ServiceDefaults.Logging;
using Platform.ServiceDefaults.Settings;
using Platform.ServiceDefaults.Telemetry;

ProcessEdge.DescribeUnhandledExceptions("ingress-api", Assembly.GetExecutingAssembly());
if (args is [BuildVersion.Option])
{
    Console.WriteLine($"ingress-api {BuildVersion.Text}");
    return 0;
}

DirectLoopback.Use();
NoForeignContext.Use();

// Slim: without IIS, HTTP/3, and loggers other than the console, which took 2 MB. HTTPS is enabled below.
var builder = WebApplication.CreateSlimBuilder(args);
builder.WebHost.UseKestrelHttpsConfiguration();
builder.UseSettingsDirectory();
builder.UseDefaultUrl("http://*:8080");
builder.AddManagementListener();
builder.Services.AddSingleton(TimeProvider.System);
builder.AddServer();
builder.AddConsoleLines();
builder.AddTelemetry();
builder.Services.AddWebhooks();
builder.Services.AddPublishing();
builder.Services.AddOpenApi();

string[] errors = [.. builder.FindSettingsErrors(), .. ManagementListener.FindErrors(builder.Configuration)];
if (errors.Length > 0)
{
    Console.Error.WriteLine($"ingress-api does not start with these settings:\n  {string.Join("\n  ", errors)}");
    return 1;
}

await using var app = builder.Build();
app.WarnOfUnknownSettings();
app.UseUnambiguousRequests();
app.UseClientAddress();
app.UseProblemDetails();
app.UseCaseSensitivePaths();
app.UseManagementListener();
app.MapWebhooks();
app.MapHealth();
app.MapPrometheusScrapingEndpoint();
app.MapOpenApi();
if (app.FindListenError() is { } error)
{
    Console.Error.WriteLine($"ingress-api: {error}");
    return 1;
}

app.Lifetime.ApplicationStarted.Register(ProcessEdge.ServiceStarted);
await app.RunAsync();
return 0;
