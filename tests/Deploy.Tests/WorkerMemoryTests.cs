using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Deploy.Tests.Checks;
using Ingress.Api;
using Microsoft.Extensions.Configuration;
using Platform.DevStack;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Outbox;

namespace Deploy.Tests;

/// <summary>Whatever a signed body contains, a worker that consumes it stays within the memory of its pod.</summary>
public sealed class WorkerMemoryTests
{
    private const long Mebibyte = 1024 * 1024;

    // A process that has started and consumed for a while: code, threads, connections and free heap. Measured on 2026-11-29.
    private const long Process = 112 * Mebibyte;

    // Of this, the first generation of the heap: as large as the cache of the machine suggested.
    private const long MeasuredFirstGeneration = 6 * Mebibyte;

    // While a body is read, its values are listed at 12 bytes each, in an array that doubles; a value takes at least two bytes of the body.
    // The number of bodies read at once is the number of running threads: cores.
    private const long ReadPerBodyByte = 3 * 12 / 2;
    private const int Cores = 2;

    // In addition to the body: ids, names and times.
    private const int Envelope = 1024;

    [Fact]
    public async Task The_largest_bodies_in_flight_fit_the_pod()
    {
        var settings = await ReadSettingsAsync();

        Assert.True(Needed(settings) <= await LimitAsync(), $"{Needed(settings):N0} bytes are needed, and the pod has {await LimitAsync():N0}");
    }

    [Fact]
    public async Task A_raised_value_does_not_fit()
    {
        var settings = await ReadSettingsAsync();
        var limit = await LimitAsync();

        Assert.True(Needed(settings with { MaxBodyBytes = 16 * settings.MaxBodyBytes }) > limit);
        Assert.True(Needed(settings with { BytesInWork = 4 * settings.BytesInWork }) > limit);
        Assert.True(Needed(settings with { FirstGeneration = 2 * settings.FirstGeneration }) > limit);
    }

    [Fact]
    public async Task The_defaults_of_the_code_are_those_that_are_shipped()
    {
        var shipped = await ReadSettingsAsync();

        Assert.Equal(shipped with { BytesInWork = new EventOptions().BytesInWork, MaxBodyBytes = new IngressOptions().MaxBodyBytes }, shipped);
    }

    private static long Needed(Settings settings)
    {
        // One more message is read before the budget takes effect.
        var largest = (settings.MaxBodyBytes + 2) / 3 * 4 + Envelope;
        return Process - MeasuredFirstGeneration + settings.FirstGeneration
            + (settings.BytesInWork + largest) * DeliveryBudget.Copies
            + Cores * settings.MaxBodyBytes * ReadPerBodyByte
            // As stored, and parsed, where a character takes two bytes.
            + GroupTransaction.MostKnown * 3L
            // As the row, and as a message.
            + OutboxDispatcher.MostBytes * 2L
            + settings.Telemetry;
    }

    private static async Task<long> LimitAsync()
    {
        var manifests = await ReadProductionAsync();
        Assert.DoesNotContain(Pods.From(manifests).Where(pods => pods.RunServices).SelectMany(pods => SettingsChecks.SettingsOf(manifests, pods).Keys), name =>
            name is "Events__BytesInWork" or "Ingress__MaxBodyBytes");
        return (long)FindConsume(manifests).Containers.Single().Resources.Limits["memory"].ToDecimal();
    }

    private static async Task<Settings> ReadSettingsAsync()
    {
        var manifests = await ReadProductionAsync();
        var environment = new ConfigurationBuilder().AddInMemoryCollection(SettingsChecks.SettingsOf(manifests, FindConsume(manifests))!).Build();
        return new Settings(
            (long)(await ReadAsync("Processor.Worker"))["Events"]!["BytesInWork"]!,
            (long)(await ReadAsync("Ingress.Api"))["Ingress"]!["MaxBodyBytes"]!,
            FirstGeneration(),
            TelemetryMemory.Sum(environment));
    }

    // In hexadecimal, as the runtime reads it.
    private static long FirstGeneration() => long.Parse(
        Regex.Match(File.ReadAllText(Path.Combine(Machine.Root, "Dockerfile")), "DOTNET_GCgen0size=([0-9a-f]+)").Groups[1].Value,
        NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static async Task<Manifests> ReadProductionAsync() => Manifests.Parse(await Overlay.ReadAsync(Overlay.Production));

    private static Pods FindConsume(Manifests manifests) => Pods.From(manifests).Single(pods => pods.Name == "processor-worker-consume");

    private static async Task<JsonNode> ReadAsync(string service) => JsonNode.Parse(
        await File.ReadAllTextAsync(Path.Combine(Machine.Root, service, "appsettings.json"), TestContext.Current.CancellationToken))!;

    /// <param name="FirstGeneration">Bytes of the heap that are filled before they are collected.</param>
    /// <param name="Telemetry">Bytes of the queues in front of the collector.</param>
    private sealed record Settings(long BytesInWork, long MaxBodyBytes, long FirstGeneration, long Telemetry);
}
