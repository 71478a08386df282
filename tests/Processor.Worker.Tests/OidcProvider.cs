using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;
using OpenIddict.Abstractions;
using OpenIddict.Server.AspNetCore;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace Processor.Worker.Tests;

/// <summary>
/// An OpenID Connect provider (OpenIddict) whose users sign in by a link. It shows their groups in the user info only, as many providers do, and is
/// another site than the console, whose address is 127.0.0.1.
/// </summary>
internal sealed class OidcProvider : IAsyncDisposable
{
    public const string Client = "operations-console";
    public const string Secret = "a secret of the console";

    // Generated once: it takes long on a busy machine, and the console waits 10 s for an answer.
    private static readonly RsaSecurityKey SigningKey = new(RSA.Create(2048)) { KeyId = "signing" };
    private static readonly SymmetricSecurityKey EncryptionKey = new(RandomNumberGenerator.GetBytes(32));

    private readonly WebApplication _app;

    private OidcProvider(WebApplication app) => _app = app;

    public string Address => _app.Urls.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal);

    /// <summary>Who is signed in already; null shows the page with a link for each user.</summary>
    public string? User { get; set; }

    /// <summary>Denies every request of the console.</summary>
    public bool Denies { get; set; }

    /// <summary>Answers 502 instead of issuing tokens.</summary>
    public bool HasNoTokens { get; set; }

    public Dictionary<string, string[]> Groups { get; } = new() { ["ada"] = ["staff", "on-call"], ["bob"] = ["staff"] };

    public static async Task<OidcProvider> StartAsync()
    {
        OidcProvider provider = null!;
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddOpenIddict().AddServer(server =>
        {
            server.EnableDegradedMode();
            server.SetAuthorizationEndpointUris("authorize").SetTokenEndpointUris("token").SetUserInfoEndpointUris("userinfo").SetEndSessionEndpointUris("sign-out");
            server.AllowAuthorizationCodeFlow().RequireProofKeyForCodeExchange();
            server.RegisterScopes("profile", "groups");
            server.AddEncryptionKey(EncryptionKey).AddSigningKey(SigningKey);
            server.UseAspNetCore().DisableTransportSecurityRequirement().EnableAuthorizationEndpointPassthrough().EnableEndSessionEndpointPassthrough();
            server.AddEventHandler<ValidateAuthorizationRequestContext>(handler => handler.UseInlineHandler(Check));
            server.AddEventHandler<ValidateTokenRequestContext>(handler => handler.UseInlineHandler(Check));
            server.AddEventHandler<ValidateEndSessionRequestContext>(handler => handler.UseInlineHandler(_ => default));
            server.AddEventHandler<HandleUserInfoRequestContext>(handler => handler.UseInlineHandler(context => provider.Describe(context)));
        });
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.Use((http, next) =>
        {
            if (!provider.HasNoTokens || http.Request.Path != "/token")
            {
                return next(http);
            }

            http.Response.StatusCode = StatusCodes.Status502BadGateway;
            return http.Response.WriteAsync("<h1>Bad gateway</h1>");
        });
        // The protocol's requests end here.
        app.UseAuthentication();
        app.MapGet("/authorize", http => provider.AuthorizeAsync(http));
        app.MapGet("/sign-out", http => Results.SignOut(authenticationSchemes: [OpenIddictServerAspNetCoreDefaults.AuthenticationScheme]).ExecuteAsync(http));
        await app.StartAsync(TestContext.Current.CancellationToken);
        provider = new OidcProvider(app);
        // Compiles what the console asks for first.
        using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        foreach (var document in new[] { "openid-configuration", "jwks" })
        {
            await http.GetStringAsync(new Uri($"{provider.Address}/.well-known/{document}"), TestContext.Current.CancellationToken);
        }

        return provider;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static ValueTask Check(ValidateAuthorizationRequestContext context)
    {
        if (context.ClientId != Client || context.RedirectUri?.EndsWith("/console/sign-in/callback", StringComparison.Ordinal) is not true)
        {
            context.Reject(OpenIddictConstants.Errors.InvalidClient);
        }

        return default;
    }

    private static ValueTask Check(ValidateTokenRequestContext context)
    {
        if (context.ClientId != Client || context.ClientSecret != Secret)
        {
            context.Reject(OpenIddictConstants.Errors.InvalidClient);
        }

        return default;
    }

    private ValueTask Describe(HandleUserInfoRequestContext context)
    {
        context.Claims["groups"] = new OpenIddictParameter([.. Groups[context.AccessTokenPrincipal!.GetClaim("sub")!].Select(group => (string?)group)]);
        return default;
    }

    private Task AuthorizeAsync(HttpContext http)
    {
        if (Denies)
        {
            return Results.Forbid(authenticationSchemes: [OpenIddictServerAspNetCoreDefaults.AuthenticationScheme]).ExecuteAsync(http);
        }

        if ((User ?? http.Request.Query["as"]) is not { Length: > 0 } user)
        {
            var links = Groups.Keys.Select(name => $"""<p><a href="{http.Request.Path}{http.Request.QueryString}&as={name}">Continue as {name}</a></p>""");
            return Results.Content($"<!DOCTYPE html><title>Provider</title>{string.Concat(links)}", "text/html").ExecuteAsync(http);
        }

        var identity = new ClaimsIdentity("provider");
        identity.SetClaim("sub", user).SetClaim("preferred_username", user);
        identity.SetScopes(http.GetOpenIddictServerRequest()!.GetScopes());
        identity.SetDestinations(_ => [OpenIddictConstants.Destinations.IdentityToken, OpenIddictConstants.Destinations.AccessToken]);
        return Results.SignIn(new ClaimsPrincipal(identity), authenticationScheme: OpenIddictServerAspNetCoreDefaults.AuthenticationScheme).ExecuteAsync(http);
    }
}
