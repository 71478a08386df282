using System.Text.Json;

namespace Platform.DevStack;

/// <summary>State that one run saves for the next. Writes are atomic, because the process may be killed at any moment.</summary>
internal static class StateFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Write<T>(string file, T state)
    {
        var next = $"{file}.{Environment.ProcessId}";
        File.WriteAllText(next, JsonSerializer.Serialize(state, Indented));
        File.Move(next, file, overwrite: true);
    }

    /// <summary>Null when there is no file.</summary>
    /// <exception cref="SetupException">The file cannot be parsed.</exception>
    public static T? Read<T>(string file)
        where T : class
    {
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize<T>(File.ReadAllText(file)) : null;
        }
        catch (JsonException)
        {
            throw new SetupException($"{file} cannot be read: stop the processes it names by hand, then delete it.");
        }
    }
}
