using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Options;

namespace Processor.Worker.Archive;

/// <summary>The bucket, through any store that speaks S3.</summary>
internal sealed class ArchiveStore(IOptions<ArchiveOptions> options) : IDisposable
{
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromMinutes(2);

    private readonly ArchiveOptions _options = options.Value;
    private readonly Lazy<AmazonS3Client> _client = new(() => CreateClient(options.Value, options.Value.Endpoint));
    private readonly Lazy<AmazonS3Client> _links = new(() => CreateClient(options.Value, options.Value.PublicEndpoint ?? options.Value.Endpoint));

    public bool IsConfigured => _options.IsConfigured;

    /// <summary>A link to an object, made without a request to the store.</summary>
    public string Sign(string key, DateTimeOffset expiresAt) => _links.Value.GetPreSignedURL(new GetPreSignedUrlRequest
    {
        BucketName = _options.Bucket,
        Key = key,
        Expires = expiresAt.UtcDateTime,
        Protocol = (_options.PublicEndpoint ?? _options.Endpoint)?.Scheme == "http" ? Protocol.HTTP : Protocol.HTTPS,
    });

    /// <summary>Writes an object in a single request.</summary>
    public Task PutAsync(string key, string contentType, Stream content, CancellationToken cancellationToken) => _client.Value.PutObjectAsync(
        new PutObjectRequest { BucketName = _options.Bucket, Key = key, ContentType = contentType, InputStream = content, AutoCloseStream = false }, cancellationToken);

    /// <returns>The id of a new multipart upload.</returns>
    public async Task<string> BeginAsync(string key, string contentType, CancellationToken cancellationToken) =>
        (await _client.Value.InitiateMultipartUploadAsync(
            new InitiateMultipartUploadRequest { BucketName = _options.Bucket, Key = key, ContentType = contentType }, cancellationToken)).UploadId;

    /// <param name="number">From 1.</param>
    public async Task<UploadedPart> UploadAsync(string key, string uploadId, int number, Stream content, CancellationToken cancellationToken)
    {
        var response = await _client.Value.UploadPartAsync(
            new UploadPartRequest { BucketName = _options.Bucket, Key = key, UploadId = uploadId, PartNumber = number, InputStream = content, PartSize = content.Length },
            cancellationToken);
        return new UploadedPart(number, content.Length, response.ETag);
    }

    /// <summary>The parts that the store has, from the first up to a gap.</summary>
    /// <returns>Null when there is no such upload.</returns>
    public async Task<IReadOnlyList<UploadedPart>?> ListAsync(string key, string uploadId, CancellationToken cancellationToken)
    {
        var parts = new List<UploadedPart>();
        var request = new ListPartsRequest { BucketName = _options.Bucket, Key = key, UploadId = uploadId };
        try
        {
            while (true)
            {
                var page = await _client.Value.ListPartsAsync(request, cancellationToken);
                parts.AddRange((page.Parts ?? []).Select(part => new UploadedPart(part.PartNumber ?? 0, part.Size ?? 0, part.ETag)));
                if (page.IsTruncated is not true)
                {
                    return [.. parts.OrderBy(part => part.Number).TakeWhile((part, index) => part.Number == index + 1)];
                }

                request.PartNumberMarker = $"{page.NextPartNumberMarker}";
            }
        }
        catch (AmazonS3Exception exception) when (IsGone(exception))
        {
            return null;
        }
    }

    /// <summary>Completes the upload: its parts become the object.</summary>
    public Task CompleteAsync(string key, string uploadId, IReadOnlyList<UploadedPart> parts, CancellationToken cancellationToken) =>
        _client.Value.CompleteMultipartUploadAsync(
            new CompleteMultipartUploadRequest
            {
                BucketName = _options.Bucket,
                Key = key,
                UploadId = uploadId,
                PartETags = [.. parts.Select(part => new PartETag(part.Number, part.Tag))],
            },
            cancellationToken);

    /// <summary>Discards an upload, so that it can no longer be completed. Does nothing when there is none.</summary>
    /// <param name="uploadId">Null when none was begun.</param>
    public async Task AbortAsync(string key, string? uploadId, CancellationToken cancellationToken)
    {
        if (uploadId is null)
        {
            return;
        }

        try
        {
            await _client.Value.AbortMultipartUploadAsync(
                new AbortMultipartUploadRequest { BucketName = _options.Bucket, Key = key, UploadId = uploadId }, cancellationToken);
        }
        catch (AmazonS3Exception exception) when (IsGone(exception))
        {
            // Completed, or aborted before.
        }
    }

    /// <summary>Deletes an object. Does nothing when there is none.</summary>
    public Task DeleteAsync(string key, CancellationToken cancellationToken) =>
        _client.Value.DeleteObjectAsync(new DeleteObjectRequest { BucketName = _options.Bucket, Key = key }, cancellationToken);

    /// <returns>The content; null when there is no such object.</returns>
    public async Task<Stream?> OpenAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            return (await _client.Value.GetObjectAsync(new GetObjectRequest { BucketName = _options.Bucket, Key = key }, cancellationToken)).ResponseStream;
        }
        catch (AmazonS3Exception exception) when (IsGone(exception))
        {
            return null;
        }
    }

    public void Dispose()
    {
        foreach (var client in new[] { _client, _links }.Where(client => client.IsValueCreated))
        {
            client.Value.Dispose();
        }
    }

    private static bool IsGone(AmazonS3Exception exception) => exception.StatusCode is HttpStatusCode.NotFound;

    private static AmazonS3Client CreateClient(ArchiveOptions options, Uri? endpoint) => new(
        new BasicAWSCredentials(options.AccessKey, options.SecretKey),
        new AmazonS3Config
        {
            ServiceURL = endpoint?.AbsoluteUri,
            AuthenticationRegion = options.Region,
            ForcePathStyle = true,
            Timeout = RequestTimeout,
            // Newer checksums are trailers of chunked requests, which many S3-compatible stores do not understand.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        });
}

/// <summary>A part of an upload.</summary>
/// <param name="Tag">The ETag that the store gave it.</param>
internal sealed record UploadedPart(int Number, long Size, string Tag);
