namespace Processor.Worker.Accounting;

/// <summary>What is missing, as SQL over rows of <c>publish_periods</c>.</summary>
internal static class MissingPublishes
{
    /// <summary>Accepted, and neither applied nor quarantined nor parked: in flight until the patience has passed, and missing then.</summary>
    public const string Outstanding = "(confirmed - applied - quarantined - parked)";

    /// <summary>Accepted and applied, and its row deleted since.</summary>
    public const string Deleted = "(confirmed * deleted)";

    /// <summary>The size of a set.</summary>
    public static string Count(string set) => $"(select coalesce(sum(upper(numbers) - lower(numbers)), 0)::bigint from unnest({set}) as numbers)";
}
