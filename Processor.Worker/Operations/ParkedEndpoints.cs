using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using Processor.Worker.Audit;
using Processor.Worker.Release;

namespace Processor.Worker.Operations;

/// <summary><c>/ops/parked</c>: shows what is parked and why, releases it, or discards it.</summary>
internal sealed class ParkedEndpoints(ParkingPlaces places, AuditTrail audit, NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>The time limit of one request: a proxy in between may have less patience. What is left is released by the next request.</summary>
    private static readonly TimeSpan MaxDuration = TimeSpan.FromSeconds(50);

    /// <summary>The filters of the list, for the description of the API.</summary>
    public static IReadOnlyDictionary<string, string> Filters { get; } = new Dictionary<string, string>
    {
        ["place"] = $"Required: {string.Join(", ", ParkedRequest.Places)}.",
    };

    public async Task<Results<Ok<ParkedView>, ValidationProblem>> ListAsync(string? place, CancellationToken cancellationToken)
    {
        if (ParkedRequest.FindPlace(place) is not { } name)
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["place"] = [ParkedRequest.PlaceError] });
        }

        return TypedResults.Ok(ParkedView.From(place!, await places.UseAsync(name, new ParkedGroups.Reader(), cancellationToken)));
    }

    public async Task<Results<Ok<ParkedResult>, ValidationProblem>> ReleaseAsync(ParkedRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (request.FindErrors() is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        var chosen = request.ToRelease();
        var report = new ReleaseReport(chosen, TextWriter.Null, time);
        return TypedResults.Ok(await ActAsync(
            request,
            AuditActions.Release,
            caller,
            token => places.UseAsync(chosen.Source, new ReleaseAction(database, chosen, report, time), token),
            () => (report.ReleasedCount, report.KeptCount, report.Cause),
            cancellationToken));
    }

    public async Task<Results<Ok<ParkedResult>, ValidationProblem>> DiscardAsync(ParkedRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (request.FindErrors() is { Count: > 0 } errors)
        {
            return TypedResults.ValidationProblem(errors);
        }

        var chosen = request.ToRelease();
        var run = new DiscardRun(chosen, time);
        return TypedResults.Ok(await ActAsync(
            request,
            AuditActions.Discard,
            caller,
            token => places.UseAsync(chosen.Source, run, token),
            () => (run.Count, 0, run.Cause),
            cancellationToken));
    }

    /// <summary>Runs an act within the time limit, recorded before it starts and after it ends; a preview is not recorded.</summary>
    private async Task<ParkedResult> ActAsync(
        ParkedRequest request,
        string action,
        Caller caller,
        Func<CancellationToken, Task> act,
        Func<(long Done, long Kept, string? Cause)> result,
        CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(MaxDuration, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        long? entry = request.Preview
            ? null
            : await audit.RecordAsync(AuditDraft.Started(caller.Name, action, request.Target, request.Reason!), cancellationToken);
        var outcome = AuditOutcome.Failed;
        try
        {
            await act(either.Token);
            outcome = AuditOutcome.Done;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            outcome = AuditOutcome.Done;
        }
        finally
        {
            if (entry is { } id)
            {
                await audit.CompleteAsync(id, outcome, result().Done, CancellationToken.None);
            }
        }

        var (done, kept, cause) = result();
        return new ParkedResult(request.Preview, request.Group is null ? null : Redaction.Text(cause), done, kept, IsComplete: !limit.IsCancellationRequested);
    }
}

/// <summary>The messages parked in one place.</summary>
/// <param name="Count">All of them.</param>
/// <param name="Examined">Those in the groups: at most the first 20,000.</param>
internal sealed record ParkedView(string Place, long Count, long Examined, IReadOnlyList<ParkedGroupView> Groups)
{
    public static ParkedView From(string place, ParkedGroups parked) =>
        new(place, parked.Count, parked.Examined, [.. parked.Groups.Select(ParkedGroupView.From)]);
}

/// <summary>Messages parked for the same cause.</summary>
/// <param name="Group">Names the group in a release or discard.</param>
/// <param name="Cause">The exception's type and message, without ids and numbers.</param>
/// <param name="Usable">Those that a release would put back.</param>
internal sealed record ParkedGroupView(
    string Group, string Cause, long Count, long Usable, DateTimeOffset? FirstAt, DateTimeOffset? LastAt, IReadOnlyList<ParkedSample> Samples)
{
    public static ParkedGroupView From(ParkedGroup group) => new(
        group.Cause.Group, Redaction.Text(group.Cause.Text)!, group.Count, group.Usable, group.FirstAt, group.LastAt, [.. group.Samples.Select(ParkedSample.From)]);
}

/// <summary>One parked message.</summary>
internal sealed record ParkedSample(string Id, string Type, string JobId, DateTimeOffset? ParkedAt, string Reason)
{
    public static ParkedSample From(ParkedMessage message) =>
        new(message.Id, message.EventType, message.JobId, message.ParkedAt, Redaction.Text(message.Reason)!);
}

/// <summary>What was released or discarded.</summary>
/// <param name="Cause">Of the group; null for ids, and for a group without messages.</param>
/// <param name="Count">Messages released or discarded; with a preview, those that would be.</param>
/// <param name="Kept">Messages asked for that stay: not usable, or not confirmed by the broker.</param>
/// <param name="IsComplete">False when the time limit came first: send the request again for the rest.</param>
internal sealed record ParkedResult(bool Preview, string? Cause, long Count, long Kept, bool IsComplete);
