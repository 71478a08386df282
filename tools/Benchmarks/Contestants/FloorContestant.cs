namespace Platform.Benchmarks.Contestants;

/// <summary>The minimum for an ingress: Kestrel reads a body and answers. With <c>verify</c> it also verifies and parses the body.</summary>
internal static class FloorContestant
{
    public static Task<int> RunAsync(ContestantOptions options, CancellationToken cancellationToken) =>
        WebhookServer.RunAsync(options.Url, AnswerAsync, cancellationToken);

    public static Task<int> RunVerifiedAsync(ContestantOptions options, CancellationToken cancellationToken) =>
        WebhookServer.RunAsync(options.Url, WebhookServer.Verified(options.Secret, (_, _) => Task.CompletedTask), cancellationToken);

    /// <summary>Reads a body and accepts it.</summary>
    public static async Task AnswerAsync(HttpContext http)
    {
        var reader = http.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(http.RequestAborted);
            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                await WebhookServer.AcceptAsync(http);
                return;
            }
        }
    }
}
