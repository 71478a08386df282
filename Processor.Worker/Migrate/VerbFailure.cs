namespace Processor.Worker.Migrate;

/// <summary>The output of a failed verb: the message and its causes, without a stack trace.</summary>
internal static class VerbFailure
{
    public static void Write(string verb, Exception exception)
    {
        Console.Error.WriteLine($"{verb} failed: {exception.Message}");
        for (var inner = exception.InnerException; inner is not null; inner = inner.InnerException)
        {
            Console.Error.WriteLine($"  because: {inner.Message}");
        }
    }
}
