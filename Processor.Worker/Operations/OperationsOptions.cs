using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Operations;

/// <summary>Who may use the operations API. Section <c>Operations</c>. Without a key it is off.</summary>
internal sealed class OperationsOptions : IValidatableObject
{
    public const string Section = "Operations";

    /// <summary>The keys, any of which is a bearer token that may do everything. During a rotation the old and the new one. Default: none.</summary>
    public string[] ApiKeys { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        for (var i = 0; i < ApiKeys.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(ApiKeys[i]))
            {
                yield return new ValidationResult("is empty.", [$"{nameof(ApiKeys)}__{i}"]);
            }
        }
    }
}

/// <summary>Where people look at traces. Section <c>Jaeger</c>.</summary>
internal sealed class JaegerOptions : IValidatableObject
{
    public const string Section = "Jaeger";

    /// <summary>Its address as people open it, such as <c>http://127.0.0.1:16686</c>. Default: none, and no links.</summary>
    public Uri? BaseUrl { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (BaseUrl is { IsAbsoluteUri: false } or { Scheme: not ("http" or "https") })
        {
            yield return new ValidationResult("must be an absolute http or https address.", [nameof(BaseUrl)]);
        }
    }

    /// <summary>The page of a trace; null when it is not known where.</summary>
    public Uri? LinkTo(string? traceId) =>
        BaseUrl is null || traceId is null ? null : new Uri($"{BaseUrl.AbsoluteUri.TrimEnd('/')}/trace/{traceId}");
}
