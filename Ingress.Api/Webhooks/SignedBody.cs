using System.Buffers;
using System.Text;

namespace Ingress.Api.Webhooks;

/// <summary>
/// The body of a request in a pooled buffer, preceded by room for the timestamp: the signed text (timestamp, dot and body) is then
/// contiguous and is never copied.
/// </summary>
internal sealed class SignedBody : IDisposable
{
    private const int FirstSize = 4096;

    private readonly BodyShare _share;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstSize);
    private int _end = SignatureHeaders.MaxPrefixLength;

    private SignedBody(BodyShare share) => _share = share;

    public ReadOnlyMemory<byte> Body => _buffer.AsMemory(SignatureHeaders.MaxPrefixLength.._end);

    /// <summary>
    /// Reads the body and counts its bytes as they arrive: a content length is only a claim, and a chunked body has none.
    /// </summary>
    /// <returns>The body, or why there is none.</returns>
    /// <exception cref="OperationCanceledException">The connection was aborted, either by its client or because the body was
    /// shed.</exception>
    public static async ValueTask<(SignedBody? Body, BodyRefusal? Refusal)> ReadAsync(HttpContext http, int maxBytes, BodyBudget budget)
    {
        if (http.Request.ContentLength > maxBytes)
        {
            return (null, BodyRefusal.TooLarge);
        }

        if (budget.TryBegin(FirstSize, http.Abort) is not { } share)
        {
            return (null, BodyRefusal.Busy);
        }

        var body = new SignedBody(share);
        var refusal = await body.FillAsync(http.Request.Body, maxBytes, http.RequestAborted);
        if (refusal is null)
        {
            return (body, null);
        }

        body.Dispose();
        return (null, refusal);
    }

    /// <summary>Timestamp, dot and body, as signed.</summary>
    public ReadOnlySpan<byte> Signed(string timestamp)
    {
        var start = SignatureHeaders.MaxPrefixLength - timestamp.Length - 1;
        Encoding.ASCII.GetBytes(timestamp, _buffer.AsSpan(start));
        _buffer[SignatureHeaders.MaxPrefixLength - 1] = (byte)'.';
        return _buffer.AsSpan(start.._end);
    }

    /// <summary>Returns the buffer and releases its share of the budget.</summary>
    public void Dispose()
    {
        _share.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private async ValueTask<BodyRefusal?> FillAsync(Stream stream, int maxBytes, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                if (_end == _buffer.Length && !TryGrow())
                {
                    return _share.IsShed ? BodyRefusal.Shed : BodyRefusal.Busy;
                }

                var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
                if (read == 0)
                {
                    return _share.TryComplete() ? null : BodyRefusal.Shed;
                }

                _end += read;
                if (Body.Length > maxBytes)
                {
                    return BodyRefusal.TooLarge;
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private bool TryGrow()
    {
        if (!_share.TryGrow(_buffer.Length * 2))
        {
            return false;
        }

        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(.._end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
        return true;
    }
}

/// <summary>Why a body was not read.</summary>
internal enum BodyRefusal
{
    /// <summary>It is longer than the limit.</summary>
    TooLarge,

    /// <summary>Other bodies hold all the memory.</summary>
    Busy,

    /// <summary>It took too long, or newer bodies needed its memory; its connection has been aborted.</summary>
    Shed,
}
