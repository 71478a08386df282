using System.Text.Encodings.Web;
using System.Text.Unicode;
using Microsoft.AspNetCore.CookiePolicy;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Hosting;
using Processor.Worker.Operations;

namespace Processor.Worker.WebConsole;

/// <summary>The operations console: pages on the services of the operations API.</summary>
internal static class ConsoleSetup
{
    public static IServiceCollection AddConsole(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddRazorComponents();
        // By default every letter beyond Latin becomes eight bytes. What is significant in markup is encoded all the same.
        services.AddSingleton(HtmlEncoder.Create(UnicodeRanges.All));
        services.AddAntiforgery(forms =>
        {
            forms.Cookie.Name = "console-forms";
            forms.Cookie.Path = Links.Root;
            // The policy of the console sets Secure. Antiforgery would reject forms that a proxy forwards without TLS.
            forms.Cookie.SecurePolicy = CookieSecurePolicy.None;
            forms.SuppressXFrameOptionsHeader = true;
        });
        services.AddDataProtection().SetApplicationName("processor-worker");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(provider => new ConfigureOptions<KeyManagementOptions>(
            options => options.XmlRepository = ActivatorUtilities.CreateInstance<DataProtectionKeys>(provider)));
        services.RemoveEarlyKeys();
        services.AddSingleton<Session>();
        services.AddSingleton<ConsoleGuard>();
        services.AddSingleton<ConsoleActs>();
        services.AddSingleton<SignInEndpoint>();
        // Only where it is used: its handler is asked about every request.
        if (configuration[OidcOptions.AuthoritySetting] is { Length: > 0 })
        {
            services.AddOidc();
        }

        return services;
    }

    /// <summary>Call it after <see cref="OperationsSetup.MapOperations"/>. Without an API key and a provider there is no console.</summary>
    public static void MapConsole(this WebApplication app)
    {
        var hasProvider = app.Services.GetService<OidcSignIn>() is not null;
        if (!hasProvider && app.Services.GetRequiredService<ApiKeys>().IsEmpty)
        {
            return;
        }

        var cookies = new CookiePolicyOptions
        {
            HttpOnly = HttpOnlyPolicy.Always,
            MinimumSameSitePolicy = SameSiteMode.Strict,
            Secure = app.Environment.IsDevelopment() ? CookieSecurePolicy.SameAsRequest : CookieSecurePolicy.Always,
            OnAppendCookie = context => context.CookieOptions.SameSite =
                context.CookieName.StartsWith(OidcSetup.CookiePrefix, StringComparison.Ordinal) ? SameSiteMode.Lax : context.CookieOptions.SameSite,
        };
        app.UseWhen(IsConsole, console =>
        {
            console.UseCookiePolicy(cookies);
            console.Use(ConsoleHeaders.AddAsync);
            console.UseExceptionHandler(new ExceptionHandlerOptions
            {
                ExceptionHandler = ShowFailureAsync,
                SuppressDiagnosticsCallback = ClientFault.IsCause,
            });
        });
        if (hasProvider)
        {
            // Takes the provider's answers.
            app.UseAuthentication();
        }

        app.UseWhen(IsConsole, console =>
            console.Use((HttpContext http, RequestDelegate next) => http.RequestServices.GetRequiredService<ConsoleGuard>().CheckAsync(http, next)));
        app.MapConsoleRoutes(hasProvider);
    }

    private static bool IsConsole(HttpContext http) => http.Request.Path.StartsWithSegments(Links.Root);

    private static Task ShowFailureAsync(HttpContext http) => http.Features.GetRequiredFeature<IExceptionHandlerFeature>().Error switch
    {
        var error when ClientFault.FindStatus(error) is { } status => ConsoleGuard.ShowAsync(http, status, "The request cannot be read."),
        var error when error is OperationCanceledException || OperationsSetup.IsUnavailable(error) => ConsoleGuard.ShowAsync(
            http, StatusCodes.Status503ServiceUnavailable, "The database or the broker is unavailable, or a search took too long. Try again, with a narrower filter."),
        _ => ConsoleGuard.ShowAsync(http, StatusCodes.Status500InternalServerError, "This page failed. The log has the cause."),
    };

    // It would read the keys while the worker starts, which must not wait for the database, and before migrate has created the table.
    private static void RemoveEarlyKeys(this IServiceCollection services)
    {
        foreach (var hosted in services.Where(service =>
                     service.ServiceType == typeof(IHostedService) && service.ImplementationType?.Assembly == typeof(KeyManagementOptions).Assembly).ToArray())
        {
            services.Remove(hosted);
        }
    }
}
