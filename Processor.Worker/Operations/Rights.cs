namespace Processor.Worker.Operations;

/// <summary>What a key may do in the operations API.</summary>
[Flags]
internal enum Rights
{
    None = 0,

    /// <summary>Look at events, jobs, parked messages, replays and the audit trail, without addresses, signed URLs and raw bodies.</summary>
    Read = 1,

    /// <summary>Register owners, release and discard parked messages, replay, and resend notifications.</summary>
    Operate = 2,

    /// <summary>Erase the data of a job.</summary>
    Erase = 4,

    /// <summary>See addresses, signed URLs, raw bodies, and the keys of receivers.</summary>
    Raw = 8,

    All = Read | Operate | Erase | Raw,
}

internal static class RightNames
{
    /// <summary>The names in the settings and in answers.</summary>
    public static string[] All { get; } = ["read", "operate", "erase", "raw"];

    /// <returns>Null when a name is not one of <see cref="All"/>.</returns>
    public static Rights? Parse(IEnumerable<string> names)
    {
        var rights = Rights.None;
        foreach (var name in names)
        {
            if (!All.Contains(name))
            {
                return null;
            }

            rights |= Enum.Parse<Rights>(name, ignoreCase: true);
        }

        return rights;
    }

    /// <summary>The name of a single right.</summary>
    public static string Name(this Rights right) => right.ToString().ToLowerInvariant();
}
