using Platform.Cli;

return await CommandLine.RunAsync(PlatformCommands.Program, PlatformCommands.Create(), args, PlatformCommands.IsForeseen);
