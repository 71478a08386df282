using Platform.LocalStack;
using Testcontainers.PostgreSql;

namespace Deploy.Tests.Servers;

/// <summary>A database that shows a certificate: a container of the release that production has, or started natively.</summary>
/// <param name="ConnectionString">As the user that it was born with.</param>
/// <param name="Stop">Null where it ends with the folder of the run.</param>
internal sealed record ProductionDatabase(string ConnectionString, Func<ValueTask>? Stop) : IAsyncDisposable
{
    private const string FolderWithin = "/certificate";

    // PostgreSQL wants the key to be its own, and nobody else to read it; the names are those that it looks for.
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
            Path.Combine(folder.Path, "postgres"), isThrowAway: true, folder.Daemons, cancellationToken,
            ["ssl=on", $"ssl_cert_file={certificate.CertificateFile}", $"ssl_key_file={certificate.KeyFile}"]);
        return new ProductionDatabase(database.ConnectionString, Stop: null);
    }

    public ValueTask DisposeAsync() => Stop?.Invoke() ?? ValueTask.CompletedTask;
}
