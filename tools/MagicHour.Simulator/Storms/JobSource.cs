using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Storms;

/// <summary>Jobs like those of Magic Hour's users.</summary>
internal sealed class JobSource(Chance chance, string idPrefix, DateTimeOffset now)
{
    private const string IdCharacters = "abcdefghijklmnopqrstuvwxyz0123456789";
    private const int RandomCharacters = 10;
    private const int MostImages = 16;

    // With the sender's median rendering times in seconds.
    private static readonly (string Resource, string Name, int Credits, double Seconds)[] Tools =
    [
        ("video", "TEXT_TO_VIDEO", 240, 120), ("video", "IMAGE_TO_VIDEO", 300, 150), ("video", "FACE_SWAP", 120, 90),
        ("video", "LIP_SYNC", 90, 45), ("video", "ANIMATION", 600, 780), ("video", "VIDEO_TO_VIDEO", 450, 400),
        ("image", "AI_IMAGE", 5, 4), ("image", "FACE_SWAP", 5, 3), ("image", "AI_HEADSHOT", 50, 38), ("image", "CLOTHES_CHANGER", 25, 15),
        ("audio", "VOICE_GENERATOR", 2, 21), ("audio", "MUSIC_GENERATOR", 30, 21), ("audio", "VOICE_CLONER", 10, 21),
    ];

    private static readonly string?[] Names =
    [
        null, "", "Text To Video - 2026-11-23T11:24:19.662Z", "\"quoted\" with a \\ and <b>tags</b> & more",
        "Été à Zürich — 夏の写真 🎬", "👩‍👩‍👧 family", "مرحبا بالعالم", "two\nlines and a\ttab", "'); drop table jobs; --",
        "half an emoji at the cut \ud83c", "a NUL \0 within", new string('n', 2000),
    ];

    /// <summary>A new job and its rendering time.</summary>
    public (MagicHourJob Job, TimeSpan Rendering) Next()
    {
        var tool = chance.One(Tools);
        var job = new MagicHourJob
        {
            Id = NewId(),
            Resource = tool.Resource,
            Tool = tool.Name,
            Name = chance.One(Names),
            CreatedAt = now - chance.Within(TimeSpan.FromHours(1)),
            Credits = tool.Credits,
            Downloads = tool.Resource == "image" ? 1 + chance.Number(MostImages) : 1,
            DownloadsExpireAt = now.AddHours(24),
            AuthToken = NewToken(),
            Error = chance.One(MagicHourError.All),
            Seconds = 1 + chance.Number(600) / 10.0,
        };
        return (job, chance.About(TimeSpan.FromSeconds(tool.Seconds)));
    }

    public MagicHourJob NextPlain() => MagicHourJob.Typical("video", NewId(), now);

    /// <summary>A new credential for download URLs.</summary>
    public string NewToken() => chance.Text(IdCharacters, RandomCharacters);

    private string NewId() => idPrefix + chance.Text(IdCharacters, RandomCharacters);
}
