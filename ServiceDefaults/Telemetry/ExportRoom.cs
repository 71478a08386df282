using System.Collections.Concurrent;

namespace Platform.ServiceDefaults.Telemetry;

/// <summary>
/// The capacity of a telemetry queue, in places of 4 KiB; a larger item takes several. A limit on the number of spans or records does not
/// bound memory, because outside input determines the size of some of them. Thread-safe.
/// </summary>
/// <param name="places">Maximum number of places in use at once.</param>
internal sealed class ExportRoom(int places)
{
    /// <summary>Size of a place in bytes; most spans and log records are smaller.</summary>
    public const int PlaceBytes = 4096;

    // The places of each queued item, in queue order. Two threads may enqueue in a different order, but the sums still agree.
    private readonly ConcurrentQueue<int> _queued = new();
    private int _taken;

    /// <summary>Maximum number of places in use at once.</summary>
    public int Places => places;

    /// <summary>Number of places in use.</summary>
    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Number of places that an item takes; at least one.</summary>
    public static int PlacesOf(long bytes) => (int)Math.Min((bytes + PlaceBytes - 1) / PlaceBytes, int.MaxValue / 2) is > 0 and var count ? count : 1;

    /// <summary>Takes the places, or none when there are not enough.</summary>
    public bool TryTake(int count)
    {
        if (Interlocked.Add(ref _taken, count) <= places)
        {
            return true;
        }

        Release(count);
        return false;
    }

    /// <summary>Returns places that were taken.</summary>
    public void Release(int count) => Interlocked.Add(ref _taken, -count);

    /// <summary>Records that the item for which places were taken is being queued.</summary>
    public void Queue(int count) => _queued.Enqueue(count);

    /// <summary>Releases the places of this many items that have left the queue.</summary>
    public void Leave(long items)
    {
        for (; items > 0 && _queued.TryDequeue(out var count); items--)
        {
            Release(count);
        }
    }
}
