using Processor.Worker.Operations;
using Processor.Worker.Release;

namespace Processor.Worker.Tests;

/// <summary>What the operations API makes of text that came from elsewhere.</summary>
public sealed class ParkedCauseTests
{
    [Theory]
    [InlineData("System.FormatException: job clx123abc at 17", "System.FormatException: job clx9 at 4")]
    [InlineData("no row 9393771b-625c-52d4-aacd-14b7678086ad", "no row 00000000-0000-0000-0000-0000000000ab")]
    public void Reasons_that_differ_in_ids_and_numbers_have_one_cause(string one, string other) =>
        Assert.Equal(ParkedCause.From(one), ParkedCause.From(other));

    [Theory]
    [InlineData("Npgsql.PostgresException: 22P02: invalid", "Npgsql.PostgresException: 23505: invalid")]
    [InlineData("System.FormatException: a", "System.InvalidOperationException: a")]
    public void Other_reasons_have_other_causes(string one, string other) =>
        Assert.NotEqual(ParkedCause.From(one).Group, ParkedCause.From(other).Group);

    [Theory]
    [InlineData("see https://a.example/x?sig=1&b=2 and mail ada@example.com.", "see https://a.example/x?[redacted] and mail [redacted]@example.com.")]
    [InlineData("https://ada:secret@a.example/x", "https://[redacted]@a.example/x")]
    [InlineData("https://a.example/x#token=1", "https://a.example/x#[redacted]")]
    [InlineData("nothing to hide? no: 1 < 2", "nothing to hide? no: 1 < 2")]
    [InlineData(null, null)]
    public void Urls_lose_their_query_and_addresses_their_name(string? text, string? expected) => Assert.Equal(expected, Redaction.Text(text));
}
