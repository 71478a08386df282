using Microsoft.Extensions.Configuration.KeyPerFile;
using Microsoft.Extensions.FileProviders;

namespace Platform.ServiceDefaults.Settings;

/// <summary>
/// Reads settings from the files of a folder, one per file. Trailing line ends, which editors and scripts of any system add, are removed.
/// </summary>
/// <param name="folder">The full path of the folder, which must exist.</param>
internal sealed class SettingFiles(string folder) : IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) =>
        new Provider(new KeyPerFileConfigurationSource { FileProvider = new PhysicalFileProvider(folder) });

    private sealed class Provider(KeyPerFileConfigurationSource source) : KeyPerFileConfigurationProvider(source)
    {
        public override bool TryGet(string key, out string? value)
        {
            var isThere = base.TryGet(key, out value);
            value = value?.TrimEnd('\r', '\n');
            return isThere;
        }
    }
}
