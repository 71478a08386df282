using Xunit.Sdk;
using Xunit.v3;

namespace Platform.IntegrationTests;

/// <summary>Starts with the classes whose tests take minutes one after the other, so that the run does not end with one of them alone.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly Type[] Longest =
        [typeof(FiringIngestAlertsTests), typeof(FiringProcessingAlertsTests), typeof(AWebhooksWholeWayTests), typeof(ReconcilingTests), typeof(NotifyingOwnersTests)];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderByDescending(collection => Longest.Any(type => IsOf(collection, type)))];

    private static bool IsOf(ITestCollection collection, Type type) =>
        collection.TestCollectionDisplayName.Contains($"{type.FullName} ", StringComparison.Ordinal);
}
