using System.Buffers;
using System.Text;

namespace Ingress.Api.Webhooks;

/// <summary>
/// The body of a request in a pooled buffer, with room before it for the timestamp: what the sender signs, timestamp, dot and
/// body, then lies in one piece and is never copied.
/// </summary>
internal sealed class SignedBody : IDisposable
{
    private const int FirstSize = 4096;

    private readonly BodyBudget _budget;
    private byte[] _buffer;
    private int _end = SignatureHeaders.MaxPrefixLength;

    private SignedBody(BodyBudget budget, byte[] buffer) => (_budget, _buffer) = (budget, buffer);

    public ReadOnlyMemory<byte> Body => _buffer.AsMemory(SignatureHeaders.MaxPrefixLength.._end);

    /// <summary>Reads the body, counting as it comes: a length is a claim, and a chunked body makes none.</summary>
    /// <returns>The body, or why there is none.</returns>
    public static async ValueTask<(SignedBody? Body, BodyRefusal? Refusal)> ReadAsync(
        HttpRequest request, int maxBytes, BodyBudget budget, CancellationToken cancellationToken)
    {
        if (request.ContentLength > maxBytes)
        {
            return (null, BodyRefusal.TooLarge);
        }

        if (!budget.TryReserve(FirstSize))
        {
            return (null, BodyRefusal.Busy);
        }

        var body = new SignedBody(budget, ArrayPool<byte>.Shared.Rent(FirstSize));
        var refusal = await body.FillAsync(request.Body, maxBytes, cancellationToken);
        if (refusal is null)
        {
            return (body, null);
        }

        body.Dispose();
        return (null, refusal);
    }

    /// <summary>Timestamp, dot and body, as they are signed.</summary>
    public ReadOnlySpan<byte> Signed(string timestamp)
    {
        var start = SignatureHeaders.MaxPrefixLength - timestamp.Length - 1;
        Encoding.ASCII.GetBytes(timestamp, _buffer.AsSpan(start));
        _buffer[SignatureHeaders.MaxPrefixLength - 1] = (byte)'.';
        return _buffer.AsSpan(start.._end);
    }

    /// <summary>Gives the buffer back, and its share of the budget.</summary>
    public void Dispose()
    {
        _budget.Release(_buffer.Length);
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
                    return BodyRefusal.Busy;
                }

                var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
                if (read == 0)
                {
                    return null;
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
        if (!_budget.TryReserve(_buffer.Length))
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
    /// <summary>Longer than is accepted.</summary>
    TooLarge,

    /// <summary>Too many bytes of other bodies are in memory.</summary>
    Busy,
}

/// <summary>The bytes of request bodies that may be in memory at once.</summary>
internal sealed class BodyBudget(long maxBytes)
{
    private long _reserved;

    public bool TryReserve(int bytes)
    {
        if (Interlocked.Add(ref _reserved, bytes) <= maxBytes)
        {
            return true;
        }

        Release(bytes);
        return false;
    }

    public void Release(int bytes) => Interlocked.Add(ref _reserved, -bytes);
}
