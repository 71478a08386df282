using System.CommandLine;
using Platform.LocalStack;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Commands;

/// <summary><c>./platform up</c>: the whole platform on this machine.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var detach = new Option<bool>("--detach") { Description = "Return when everything is ready, instead of serving until Ctrl-C." };
        var docker = new Option<bool>("--docker") { Description = "Use docker compose, whatever the machine offers." };
        var native = new Option<bool>("--native") { Description = "Use private native servers, whatever the machine offers." };
        var withPrometheus = new Option<bool>("--with-prometheus") { Description = "Start Prometheus too, and with Docker Grafana." };
        var command = new Command("up", "Start everything: broker, database, migrate, ingress, two workers.") { detach, docker, native, withPrometheus };
        command.Validators.Add(result =>
        {
            if (result.GetValue(docker) && result.GetValue(native))
            {
                result.AddError("--docker and --native exclude each other.");
            }
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            StackKind? chosen = arguments.GetValue(docker) ? StackKind.Docker : arguments.GetValue(native) ? StackKind.Native : null;
            return await RunAsync(chosen, arguments.GetValue(withPrometheus), arguments.GetValue(detach), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(StackKind? chosen, bool withPrometheus, bool detach, CancellationToken cancellationToken)
    {
        Stack stack;
        using (Stack.LockStart())
        {
            if (Stack.Load() is { } running && await running.IsUpAsync(cancellationToken))
            {
                Console.WriteLine("It is up already.");
                Describe(running);
                return 0;
            }

            // What is left of the last one, be it of another kind.
            await Stack.StopAsync(cancellationToken);
            stack = await StartAsync(chosen, withPrometheus, cancellationToken);
            stack.Save();
        }

        Describe(stack);
        if (detach)
        {
            Console.WriteLine("\n./platform down stops it.");
            return 0;
        }

        Console.WriteLine("\nCtrl-C stops it.");
        return await ServeAsync(stack, cancellationToken);
    }

    private static async Task<Stack> StartAsync(StackKind? chosen, bool withPrometheus, CancellationToken cancellationToken)
    {
        if (chosen is StackKind.Native)
        {
            return await NativeStack.StartAsync(cancellationToken, withPrometheus);
        }

        var obstacle = await DockerEngine.FindComposeObstacleAsync(cancellationToken, withPrometheus ? "observability" : "");
        if (obstacle is null)
        {
            return await ComposeStack.StartAsync(cancellationToken, withPrometheus);
        }

        if (chosen is StackKind.Docker)
        {
            throw new SetupException($"--docker is not possible: {obstacle}.");
        }

        Console.WriteLine($"Using private native servers, because {obstacle}.");
        return await NativeStack.StartAsync(cancellationToken, withPrometheus);
    }

    private static void Describe(Stack stack)
    {
        Console.WriteLine();
        foreach (var (name, link) in stack.Links)
        {
            Console.WriteLine($"  {name,-20} {link}");
        }

        using var sender = new Sender(stack.IngressUrl, stack.Secret, TimeProvider.System);
        Console.WriteLine("\nSend an event with ./platform send, or paste this:\n");
        Console.WriteLine(sender.ToCurl(MagicHourEvent.Create("video.completed", null, TimeProvider.System.GetUtcNow())));
    }

    /// <summary>Until Ctrl-C, or until a part of it has died.</summary>
    private static async Task<int> ServeAsync(Stack stack, CancellationToken cancellationToken)
    {
        try
        {
            while (await stack.IsUpAsync(cancellationToken))
            {
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            }

            foreach (var daemon in NativeStack.Daemons.Dead)
            {
                Console.Error.WriteLine($"{daemon.Name} has ended by itself; its log is {daemon.LogFile}:\n{daemon.LogTail}");
            }

            return 1;
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
        finally
        {
            await Stack.StopAsync(CancellationToken.None);
        }
    }
}
