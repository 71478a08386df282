namespace Platform.Contracts.Tests;

public sealed class EventIdentityTests
{
    [Fact]
    public void Never_changes() =>
        Assert.Equal(new Guid("9393771b-625c-52d4-aacd-14b7678086ad"), EventIdentity.Create("video.completed", "clx123"));

    [Theory]
    [InlineData("video.started", "clx123")]
    [InlineData("video.completed", "clx124")]
    [InlineData("video.completed", "CLX123")]
    [InlineData("video.completed\nclx123", "")]
    public void Differs_with_type_and_job(string type, string jobId) =>
        Assert.NotEqual(EventIdentity.Create("video.completed", "clx123"), EventIdentity.Create(type, jobId));

    [Fact]
    public void Has_version_5_and_the_RFC_variant()
    {
        var id = EventIdentity.Create("image.errored", "été 夏 🎬");

        Assert.Equal(5, id.Version);
        Assert.InRange(id.Variant, 8, 11);
    }
}
