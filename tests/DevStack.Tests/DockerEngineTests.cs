namespace Platform.DevStack.Tests;

public sealed class DockerEngineTests
{
    [Fact]
    public void Images_that_must_be_pulled_include_the_bases_of_those_that_are_built() => Assert.Equal(
        ["postgres:17-alpine", "mcr.microsoft.com/dotnet/sdk:10.0", "mcr.microsoft.com/dotnet/aspnet:10.0"],
        DockerEngine.ImagesOf(
            """
            {"services":{
              "postgres":{"image":"postgres:17-alpine"},
              "migrate":{"image":"platform/processor-worker","build":{"context":"."}},
              "processor-worker":{"image":"platform/processor-worker"}}}
            """));
}
