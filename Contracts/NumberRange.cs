namespace Platform.Contracts;

/// <summary>Consecutive numbers.</summary>
/// <param name="Last">Included.</param>
public readonly record struct NumberRange(long First, long Last)
{
    /// <summary>The ranges of ascending numbers; a repeated number counts once.</summary>
    public static List<NumberRange> FromAscending(IEnumerable<long> numbers)
    {
        var ranges = new List<NumberRange>();
        foreach (var number in numbers)
        {
            if (ranges.Count > 0 && number <= ranges[^1].Last + 1)
            {
                ranges[^1] = ranges[^1] with { Last = number };
            }
            else
            {
                ranges.Add(new NumberRange(number, number));
            }
        }

        return ranges;
    }
}
