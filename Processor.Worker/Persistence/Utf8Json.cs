using System.Text;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Processor.Worker.Persistence;

/// <summary>Maps UTF-8 bytes to a JSON column. Only <c>migrate</c> and tests use the model; the hot path writes the bytes themselves.</summary>
internal static class Utf8Json
{
    public static ValueConverter Converter { get; } =
        new ValueConverter<byte[], string>(json => Encoding.UTF8.GetString(json), text => Encoding.UTF8.GetBytes(text));

    /// <summary>By content. Without it, the model is built with a warning.</summary>
    public static ValueComparer Comparer { get; } = new ValueComparer<byte[]>(favorStructuralComparisons: true);
}
