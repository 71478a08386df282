using System.CommandLine;
using Operations.Cli;

var root = new RootCommand("Find, understand, release and replay, through the operations API.");
OperationsVerbs.AddTo(root, ApiAccess.OfThisPod);
root.UseVersion("operations");
return await CommandLine.RunAsync("operations", root, args);
