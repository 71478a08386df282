namespace Platform.Benchmarks.Figures;

/// <summary>When and how a part was measured.</summary>
/// <param name="Build">The build of the programs (<see cref="Stage.Publication.Build"/>).</param>
internal sealed record PartRun(DateTimeOffset At, int RoundCount, bool IsQuick, string Build)
{
    public override string ToString() =>
        $"{At:yyyy-MM-dd}, {(IsQuick ? "quick, " : "")}{RoundCount} round{(RoundCount == 1 ? "" : "s")}, build {Build}";
}
