using System.Net;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary>The OpenID Connect client of the console: authorization code with PKCE. What follows a sign-in is in <see cref="OidcSignIn"/>.</summary>
internal static class OidcSetup
{
    public const string Scheme = "oidc";

    /// <summary>The prefix of the cookies of a pending sign-in. The provider's answer comes from another site, so they cannot be strict.</summary>
    public const string CookiePrefix = "console-oidc-";

    private static readonly TimeSpan ProviderTimeout = TimeSpan.FromSeconds(10);

    public static void AddOidc(this IServiceCollection services)
    {
        services.AddSingleton<OidcSignIn>();
        // No scheme has the name of the default: the console has sessions of its own. Otherwise the only scheme would be the default.
        services.AddAuthentication("session").AddOpenIdConnect(Scheme, _ => { });
        services.AddOptions<OpenIdConnectOptions>(Scheme).Configure<IOptions<OperationsOptions>, IHostEnvironment>(Configure);
    }

    private static void Configure(OpenIdConnectOptions handler, IOptions<OperationsOptions> operations, IHostEnvironment environment)
    {
        var oidc = operations.Value.Oidc;
        handler.Authority = oidc.Authority?.AbsoluteUri;
        handler.ClientId = oidc.ClientId;
        handler.ClientSecret = oidc.ClientSecret;
        handler.ResponseType = OpenIdConnectResponseType.Code;
        handler.ResponseMode = OpenIdConnectResponseMode.Query;
        handler.RequireHttpsMetadata = !environment.IsDevelopment();
        handler.BackchannelTimeout = ProviderTimeout;
        handler.BackchannelHttpHandler = new OutageHandler { InnerHandler = new SocketsHttpHandler() };
        handler.CallbackPath = Links.SignInCallback;
        handler.SignedOutCallbackPath = PathString.Empty;
        handler.RemoteSignOutPath = PathString.Empty;
        handler.MapInboundClaims = false;
        handler.GetClaimsFromUserInfoEndpoint = true;
        handler.ClaimActions.MapJsonKey(oidc.NameClaim, oidc.NameClaim);
        handler.ClaimActions.MapJsonKey(oidc.RightsClaim, oidc.RightsClaim);
        foreach (var scope in oidc.Scopes)
        {
            handler.Scope.Add(scope);
        }

        foreach (var (cookie, name) in new[] { (handler.CorrelationCookie, "correlation"), (handler.NonceCookie, "nonce") })
        {
            cookie.Name = $"{CookiePrefix}{name}.";
            cookie.Path = Links.SignInCallback;
            cookie.SameSite = SameSiteMode.Lax;
            // The policy of the console sets Secure.
            cookie.SecurePolicy = CookieSecurePolicy.None;
        }

        handler.Events = new OpenIdConnectEvents
        {
            OnRedirectToIdentityProvider = context => SignIn(context.HttpContext).RedirectAsync(context),
            OnTicketReceived = context => SignIn(context.HttpContext).ReceiveAsync(context),
            OnRemoteFailure = context => SignIn(context.HttpContext).FailAsync(context),
        };
    }

    // It reads these options, so it cannot be a part of them.
    private static OidcSignIn SignIn(HttpContext http) => http.RequestServices.GetRequiredService<OidcSignIn>();

    /// <summary>Makes an outage of what an answer of 500 and above says, whose body is rarely what the protocol expects.</summary>
    private sealed class OutageHandler : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken);
            return answer.StatusCode < HttpStatusCode.InternalServerError ? answer : answer.EnsureSuccessStatusCode();
        }
    }
}
