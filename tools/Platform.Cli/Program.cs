using Platform.Cli;

return await CommandLine.RunAsync(PlatformCommands.Create(), args);
