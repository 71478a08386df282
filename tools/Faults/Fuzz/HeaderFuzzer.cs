using Platform.Simulator.MagicHour;

namespace Platform.Faults.Fuzz;

/// <summary>Signature headers: valid, almost valid, and malformed.</summary>
internal sealed class HeaderFuzzer(string secret, int seed)
{
    private static readonly string[] Timestamps = ["", "0", "-1", "1e9", "99999999999", "999999999999999999999", " 1", "1 ", "0x10", "١٢٣", "1,2", "\u00ff"];
    private static readonly string[] Signatures = ["", "0", "sha256=", "v1,", new('g', 64), new('0', 63), new('0', 65), new('A', 64), new('0', 4000), "\u00e9"];

    private readonly Random _random = new(seed);

    /// <summary>An empty array omits a header; several values repeat it.</summary>
    /// <param name="isValid">Whether to sign as the sender would.</param>
    public (string[] Timestamps, string[] Signatures) Next(byte[] body, bool isValid)
    {
        var now = Signing.Timestamp(TimeProvider.System.GetUtcNow());
        var valid = Signing.Sign(secret, now, body);
        return isValid
            ? ([now], [valid])
            : _random.Next(6) switch
            {
                0 => ([One(Timestamps)], [valid]),
                1 => ([now], [One(Signatures)]),
                2 => ([], [valid]),
                3 => ([now], []),
                4 => ([now, now], [valid, valid]),
                _ => ([now], [Flip(valid)]),
            };
    }

    private string Flip(string signature)
    {
        var characters = signature.ToCharArray();
        characters[_random.Next(characters.Length)] = (char)_random.Next(0x20, 0x7F);
        return new string(characters);
    }

    private string One(string[] of) => of[_random.Next(of.Length)];
}
