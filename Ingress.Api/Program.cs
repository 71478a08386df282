using Ingress.Api;
using Ingress.Api.Hosting;
using Ingress.Api.Publishing;
using Ingress.Api.Webhooks;

// Slim: without IIS, HTTP/3, and loggers other than the console; they were 2 MB. HTTPS is asked for below.
var builder = WebApplication.CreateSlimBuilder(args);
builder.WebHost.UseKestrelHttpsConfiguration();
builder.UseSettingsDirectory();
builder.UseDefaultUrl("http://*:8080");
builder.Services.AddSingleton(TimeProvider.System);
builder.AddServer();
builder.AddConsoleLines();
builder.AddTelemetry();
builder.Services.AddWebhooks();
builder.Services.AddPublishing();
builder.Services.AddOpenApi();

if (builder.FindSettingsErrors() is { Count: > 0 } errors)
{
    Console.Error.WriteLine($"ingress-api does not start with these settings:\n  {string.Join("\n  ", errors)}");
    return 1;
}

await using var app = builder.Build();
app.UseUnambiguousRequests();
app.UseForwardedHeaders();
app.UseProblemDetails();
app.MapWebhooks();
app.MapHealth();
app.MapPrometheusScrapingEndpoint();
app.MapOpenApi();
await app.RunAsync();
return 0;
