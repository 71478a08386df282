namespace Platform.Simulator.Api;

/// <summary>A tool of Magic Hour: what <c>POST /v1/{path}</c> creates, and how long it takes.</summary>
/// <param name="Path">The last segment of the address.</param>
/// <param name="Kind"><c>video</c>, <c>image</c> or <c>audio</c>.</param>
/// <param name="Type">The project's <c>type</c>.</param>
/// <param name="Label">The beginning of the name that a job without one gets.</param>
/// <param name="Credits">The cost of a job that completes.</param>
/// <param name="Median">Half of the jobs end within this time of their creation.</param>
public sealed record Tool(string Path, string Kind, string Type, string Label, int Credits, TimeSpan Median);
