using System.Net;
using System.Net.Http.Headers;
using Processor.Worker.Notifications;

namespace Processor.Worker.Archiving;

/// <summary>
/// Reads downloads. Their URLs come from signed events, but may lead anywhere: the guard of outgoing webhooks protects the platform's own
/// network, no redirect is followed, and no credential of the platform is ever sent.
/// </summary>
internal sealed class DownloadSource : IDisposable
{
    private static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(30);

    private readonly HttpClient _http;
    private readonly IHostEnvironment _environment;

    public DownloadSource(TargetGuard guard, IHostEnvironment environment)
    {
        _environment = environment;
        _http = new HttpClient(guard.CreateHandler())
        {
            // A copy has no time limit; each of its parts has.
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("magic-hour-platform/1.0");
    }

    /// <summary>Opens a download at a position if its content is unchanged; otherwise at its beginning.</summary>
    /// <param name="tag">The ETag of the content before the position.</param>
    /// <exception cref="CopyFailedException">The host may not be contacted, refuses, or redirects.</exception>
    public async Task<OpenDownload> OpenAsync(string url, long offset, string? tag, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, ReadUrl(url));
        if (offset > 0 && EntityTagHeaderValue.TryParse(tag, out var validator))
        {
            request.Headers.Range = new RangeHeaderValue(offset, null);
            request.Headers.IfRange = new RangeConditionHeaderValue(validator);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(HeadersTimeout);
        try
        {
            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            return await CheckAsync(response, offset, cancellationToken);
        }
        catch (Exception exception) when (exception is TargetRefusedException || exception.InnerException is TargetRefusedException)
        {
            throw new CopyFailedException("its host is inside the platform's network, or denied", isFinal: true);
        }
        catch (HttpRequestException exception)
        {
            throw new CopyFailedException($"HTTP: {exception.HttpRequestError}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CopyFailedException("no answer in time");
        }
    }

    public void Dispose() => _http.Dispose();

    private Uri ReadUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.UserInfo.Length == 0
            && (url.Scheme == "https" || url is { Scheme: "http", IsLoopback: true } && _environment.IsDevelopment())
            ? url
            : throw new CopyFailedException("its URL does not begin with https://", isFinal: true);

    private static async Task<OpenDownload> CheckAsync(HttpResponseMessage response, long offset, CancellationToken cancellationToken)
    {
        if (response.StatusCode is HttpStatusCode.OK
            || response.StatusCode is HttpStatusCode.PartialContent && offset > 0 && response.Content.Headers.ContentRange?.From == offset)
        {
            return new OpenDownload(response, await response.Content.ReadAsStreamAsync(cancellationToken), IsContinued: response.StatusCode is HttpStatusCode.PartialContent);
        }

        // All of it was copied before.
        if (response.StatusCode is HttpStatusCode.RequestedRangeNotSatisfiable && offset > 0 && response.Content.Headers.ContentRange?.Length == offset)
        {
            return new OpenDownload(response, Stream.Null, IsContinued: true);
        }

        using (response)
        {
            throw new CopyFailedException($"HTTP {(int)response.StatusCode}");
        }
    }
}

/// <summary>A download that is being read.</summary>
/// <param name="IsContinued">False when it is read from its beginning.</param>
internal sealed record OpenDownload(HttpResponseMessage Response, Stream Content, bool IsContinued) : IDisposable
{
    /// <summary>A strong ETag, by which the same content is recognised later. Null when there is none.</summary>
    public string? Tag => Response.Headers.ETag is { IsWeak: false } tag ? tag.Tag : null;

    /// <summary>The declared content type, but never one that a browser would run under the archive's origin.</summary>
    public string ContentType => Response.Content.Headers.ContentType?.MediaType is { } type && type != "image/svg+xml"
        && (type.StartsWith("video/", StringComparison.Ordinal) || type.StartsWith("image/", StringComparison.Ordinal) || type.StartsWith("audio/", StringComparison.Ordinal))
            ? type
            : "application/octet-stream";

    /// <summary>Remaining bytes. Null when the host does not say.</summary>
    public long? Length => Response.Content.Headers.ContentLength;

    public void Dispose() => Response.Dispose();
}

/// <summary>A copy failed for a reason outside the platform. The message completes a sentence, and contains no part of the URL.</summary>
internal sealed class CopyFailedException(string message, bool isFinal = false) : Exception(message)
{
    /// <summary>Another attempt would fail in the same way.</summary>
    public bool IsFinal => isFinal;

    /// <summary>Whether the message of an earlier attempt means that the URL has probably expired.</summary>
    public static bool MeansExpired(string? message) => message is "HTTP 401" or "HTTP 403" or "HTTP 404" or "HTTP 410";
}
