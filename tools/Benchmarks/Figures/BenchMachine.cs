namespace Platform.Benchmarks.Figures;

/// <summary>The machine of a run. Figures of different machines are not comparable; their ratios are.</summary>
internal sealed record BenchMachine
{
    public required int Cores { get; init; }

    public required string Cpu { get; init; }

    public required long MemoryMiB { get; init; }

    public required string Kernel { get; init; }

    public required string DotNet { get; init; }

    public required string RabbitMq { get; init; }

    public required string PostgreSql { get; init; }

    public static BenchMachine Describe(string rabbitMq, string postgreSql) => new()
    {
        Cores = Environment.ProcessorCount,
        Cpu = Find("/proc/cpuinfo", "model name"),
        MemoryMiB = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024 * 1024),
        Kernel = Environment.OSVersion.Version.ToString(),
        DotNet = Environment.Version.ToString(),
        RabbitMq = rabbitMq,
        PostgreSql = postgreSql,
    };

    public override string ToString() =>
        $"{Cores} cores of {Cpu}, {MemoryMiB / 1024} GiB, Linux {Kernel}, .NET {DotNet}, RabbitMQ {RabbitMq}, PostgreSQL {PostgreSql}";

    private static string Find(string file, string name) =>
        File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[^1].Trim() ?? "unknown";
}
