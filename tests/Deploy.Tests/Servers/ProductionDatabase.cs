using Platform.DevStack;
using Testcontainers.PostgreSql;

namespace Deploy.Tests.Servers;

/// <summary>A database with a certificate: a container of production's release, or started natively.</summary>
/// <param name="ConnectionString">As the initial user.</param>
/// <param name="Stop">Null when it stops with the folder of the run.</param>
internal sealed record ProductionDatabase(string ConnectionString, Func<ValueTask>? Stop) : IAsyncDisposable
{
    private const string FolderWithin = "/certificate";

    // PostgreSQL requires that it owns the key and that no one else can read it; it looks for these file names.
    private static readonly byte[] TakeCertificate = """
        cp /certificate/server.crt /certificate/server.key "$PGDATA"
        chmod 600 "$PGDATA/server.key"
        echo "ssl = on" >> "$PGDATA/postgresql.conf"

        """u8.ToArray();

    public static async Task<ProductionDatabase> StartInContainerAsync(TestCertificate certificate, CancellationToken cancellationToken)
    {
        var container = new PostgreSqlBuilder(TestServers.PostgresImage)
            .WithResourceMapping(await File.ReadAllBytesAsync(certificate.CertificateFile, cancellationToken), $"{FolderWithin}/server.crt")
            .WithResourceMapping(await File.ReadAllBytesAsync(certificate.KeyFile, cancellationToken), $"{FolderWithin}/server.key")
            .WithResourceMapping(TakeCertificate, "/docker-entrypoint-initdb.d/certificate.sh")
            .Build();
        await container.StartAsync(cancellationToken);
        return new ProductionDatabase(container.GetConnectionString(), container.DisposeAsync);
    }

    public static async Task<ProductionDatabase> StartNativelyAsync(TestFolder folder, TestCertificate certificate, CancellationToken cancellationToken)
    {
        var database = await PostgresServer.StartAsync(
            Path.Combine(folder.Path, "postgres"), isDisposable: true, folder.Daemons, cancellationToken,
            ["ssl=on", $"ssl_cert_file={certificate.CertificateFile}", $"ssl_key_file={certificate.KeyFile}"]);
        return new ProductionDatabase(database.ConnectionString, Stop: null);
    }

    public ValueTask DisposeAsync() => Stop?.Invoke() ?? ValueTask.CompletedTask;
}
