using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Contracts;
using Processor.Worker.Accounting;
using Processor.Worker.Backlog;
using Processor.Worker.Broker;
using Processor.Worker.Operations;
using Processor.Worker.Persistence;
using Processor.Worker.Registration;
using Processor.Worker.WebConsole;

namespace Processor.Worker.Tests;

/// <summary>The role <c>api</c> in this process, and its clients.</summary>
internal static class OperationsApp
{
    public const string Key = "the key of one operator, for tests";
    public const string OtherKey = "the key of another application";
    public const string NextKey = "the next one";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static Task<WebApplication> StartAsync(TestDatabase database) => StartAsync(database.ConnectionString, Key, NextKey);

    public static Task<WebApplication> StartAsync(string postgres, params string[] keys) => StartInAsync("Production", postgres, keys);

    public static Task<WebApplication> StartNamedAsync(TestDatabase database, params (string Name, string Key)[] keys) => StartInAsync(
        "Production", database.ConnectionString, [], settings:
        [
            .. keys.Select((key, index) => KeyValuePair.Create($"Operations:Keys:{index}:Name", (string?)key.Name)),
            .. keys.Select((key, index) => KeyValuePair.Create($"Operations:Keys:{index}:Key", (string?)key.Key)),
        ]);

    public static async Task<WebApplication> StartInAsync(
        string environment, string postgres, string[] keys, TimeProvider? time = null, params KeyValuePair<string, string?>[] settings)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Logging.ClearProviders().AddFakeLogging();
        builder.Configuration.AddInMemoryCollection(
            keys.Select((key, index) => KeyValuePair.Create($"Operations:ApiKeys:{index}", (string?)key)).Concat(
            [
                new("ConnectionStrings:RabbitMq", "amqp://localhost"),
                new("ConnectionStrings:Postgres", postgres),
                new("Jaeger:BaseUrl", "http://jaeger.example/ui/"),
                new("OutgoingWebhooks:Secrets:0", NotificationHarness.Secret),
                new("OutgoingWebhooks:Secrets:1", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
                new("urls", "http://127.0.0.1:0"),
                .. settings,
            ]));
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        builder.Services.AddSingleton<ProcessorMetrics>();
        builder.Services.AddSingleton<BacklogGauges>();
        builder.Services.AddPersistence();
        builder.Services.AddBroker();
        builder.Services.AddRegistration();
        builder.Services.AddAccounting();
        builder.Services.AddOperations();
        builder.Services.AddConsole(builder.Configuration);
        var app = builder.Build();
        app.MapOperations();
        app.MapConsole();
        await app.StartAsync(Cancel);
        return app;
    }

    /// <summary>The API with one key that has only these rights.</summary>
    public static Task<WebApplication> StartWithRightsAsync(TestDatabase database, params string[] rights) => StartInAsync(
        "Production", database.ConnectionString, [], settings:
        [
            new("Operations:Keys:0:Name", "ada"),
            new("Operations:Keys:0:Key", Key),
            .. rights.Select((right, index) => KeyValuePair.Create($"Operations:Keys:0:Rights:{index}", (string?)right)),
        ]);

    /// <summary>Has the API know its queues, as by a sample of the broker: empty but for these.</summary>
    public static void SampleQueues(WebApplication app, params (string Queue, int Messages)[] filled) => app.Services.GetRequiredService<BacklogGauges>().Update(
        [.. Topology.Queues.Keys.Select(queue => new QueueDepth(queue, filled.FirstOrDefault(one => one.Queue == queue).Messages, 0))]);

    public static HttpClient Client(WebApplication app, string? key)
    {
        var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        if (key is not null)
        {
            http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {key}");
        }

        return http;
    }

    public static async Task<JsonElement> AssertProblemAsync(HttpStatusCode status, HttpResponseMessage answer)
    {
        Assert.Equal((status, "application/problem+json"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        return problem;
    }

    public static string? Text(JsonElement parent, string name) => parent.GetProperty(name).GetString();
}
