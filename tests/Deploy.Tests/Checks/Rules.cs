namespace Deploy.Tests.Checks;

/// <summary>Pairs of a rule and the error when it is broken.</summary>
internal static class Rules
{
    public static IEnumerable<string> FindBroken(params (bool IsKept, string Fault)[] rules) => rules.Where(rule => !rule.IsKept).Select(rule => rule.Fault);
}
