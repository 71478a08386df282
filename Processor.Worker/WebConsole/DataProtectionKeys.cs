using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;

namespace Processor.Worker.WebConsole;

/// <summary>
/// Stores the keys that protect sessions and forms of the console in PostgreSQL, so that all replicas share them. The interface is
/// synchronous; a process reads the keys at its first use of the console and once a day.
/// </summary>
internal sealed class DataProtectionKeys(NpgsqlDataSource database, TimeProvider time) : IXmlRepository
{
    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var command = database.CreateCommand("select xml from data_protection_keys order by created_at");
        using var rows = command.ExecuteReader();
        var keys = new List<XElement>();
        while (rows.Read())
        {
            keys.Add(XElement.Parse(rows.GetString(0)));
        }

        return keys;
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        using var command = database.CreateCommand("insert into data_protection_keys (id, xml, created_at) values ($1, $2, $3) on conflict do nothing");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = friendlyName });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = element.ToString(SaveOptions.DisableFormatting) });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
        command.ExecuteNonQuery();
    }
}

/// <summary>A key of ASP.NET's data protection. There is a new one every 90 days, and none is deleted.</summary>
internal sealed class DataProtectionKey
{
    /// <summary>Such as <c>key-6f1d…</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The key and its lifetime, as ASP.NET writes it. A secret.</summary>
    public required string Xml { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    internal sealed class Mapping : IEntityTypeConfiguration<DataProtectionKey>
    {
        public void Configure(EntityTypeBuilder<DataProtectionKey> builder)
        {
            builder.ToTable("data_protection_keys");
            builder.HasKey(row => row.Id).HasName("data_protection_keys_pkey");
            builder.Property(row => row.Id).HasColumnName("id");
            builder.Property(row => row.Xml).HasColumnName("xml");
            builder.Property(row => row.CreatedAt).HasColumnName("created_at");
        }
    }
}
