using System.Reflection;
using Microsoft.AspNetCore.Http.Features;
using Processor.Worker.Owners;

namespace Processor.Worker.Operations;

/// <summary>Who sent a request, as its key, or the session of a person, says. A parameter of this type is filled in by <see cref="BindAsync"/>.</summary>
/// <param name="Identity">Stored with registrations and in the audit trail.</param>
internal sealed record Caller(Registrant Identity, Rights Rights)
{
    public string Name => Identity.Identity;

    /// <summary>A person whom the OpenID Connect provider has signed in.</summary>
    public static Caller ForPerson(string name, Rights rights) => new(new Registrant($"oidc:{name}"), rights);

    /// <summary>Addresses and signed URLs are shown as they are.</summary>
    public bool MaySeeRaw => May(Rights.Raw);

    public bool May(Rights right) => Rights.HasFlag(right);

    public static ValueTask<Caller> BindAsync(HttpContext http, ParameterInfo parameter) =>
        ValueTask.FromResult(http.Features.GetRequiredFeature<Caller>());
}
