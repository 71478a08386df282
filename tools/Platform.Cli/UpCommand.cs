using System.CommandLine;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Platform.Cli;

/// <summary><c>./platform up</c>: starts the whole platform on this machine.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var detach = new Option<bool>("--detach") { Description = "Return once everything is ready, instead of running until Ctrl-C." };
        var docker = new Option<bool>("--docker") { Description = "Force docker compose." };
        var native = new Option<bool>("--native") { Description = "Force private native servers." };
        var mail = new Option<bool>("--mail") { Description = "With docker compose: also start a mail server that shows the notifications." };
        var withPrometheus = new Option<bool>("--with-prometheus") { Description = "Also start Prometheus, and Grafana with Docker." };
        var withAspire = new Option<bool>("--with-aspire") { Description = "With native servers: also start the Aspire dashboard, which shows traces, metrics and logs. Compose has Jaeger." };
        var command = new Command("up", "Start everything: broker, database, migrate, ingress, two workers, a simulated Magic Hour.")
        {
            detach, docker, native, mail, withPrometheus, withAspire,
        };
        // Only compose has a mail server, and only the native stack has the Aspire dashboard.
        command.Exclude(native, docker, mail);
        command.Exclude(withAspire, docker, mail);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            StackKind? chosen = arguments.GetValue(docker) ? StackKind.Docker : arguments.GetValue(native) || arguments.GetValue(withAspire) ? StackKind.Native : null;
            // Only compose has a mail server, so --mail must not fall back to the native stack.
            chosen ??= arguments.GetValue(mail) ? StackKind.Docker : null;
            string[] profiles =
            [
                .. arguments.GetValue(withPrometheus) ? [ComposeStack.Observability] : Array.Empty<string>(),
                .. arguments.GetValue(mail) ? [ComposeStack.Mail] : Array.Empty<string>(),
            ];
            return await RunAsync(chosen, profiles, arguments.GetValue(withAspire), arguments.GetValue(detach), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(StackKind? chosen, string[] profiles, bool withAspire, bool detach, CancellationToken cancellationToken)
    {
        Stack stack;
        using (Stack.LockStart())
        {
            if (Stack.Load() is { } running && await running.IsUpAsync(cancellationToken))
            {
                Console.WriteLine("Already up.");
                Describe(running);
                return 0;
            }

            // Remains of an earlier stack, possibly of the other kind.
            await Stack.StopAsync(cancellationToken);
            stack = await StartAsync(chosen, profiles, withAspire, cancellationToken);
            stack.Save();
        }

        Describe(stack);
        if (detach)
        {
            Console.WriteLine("\nStop with ./platform down.");
            return 0;
        }

        Console.WriteLine("\nStop with Ctrl-C.");
        return await ServeAsync(stack, cancellationToken);
    }

    private static async Task<Stack> StartAsync(StackKind? chosen, string[] profiles, bool withAspire, CancellationToken cancellationToken)
    {
        var extras = new NativeExtras(profiles.Contains(ComposeStack.Observability), withAspire, MagicHour: true);
        if (chosen is StackKind.Native)
        {
            return await NativeStack.StartAsync(extras, cancellationToken);
        }

        var obstacle = await DockerEngine.FindComposeObstacleAsync(profiles, cancellationToken);
        if (obstacle is null)
        {
            return await ComposeStack.StartAsync(profiles, cancellationToken);
        }

        if (chosen is StackKind.Docker)
        {
            throw new SetupException($"--docker is not possible: {obstacle}.");
        }

        Console.WriteLine($"Using private native servers, because {obstacle}.");
        return await NativeStack.StartAsync(extras, cancellationToken);
    }

    private static void Describe(Stack stack)
    {
        Console.WriteLine();
        foreach (var (name, link) in stack.Links)
        {
            Console.WriteLine($"  {name,-20} {link}");
        }

        if (stack.MagicHourUrl is { } magicHour)
        {
            Console.WriteLine("\nCreate a job at the simulated Magic Hour, and see its row with ./platform job ID:\n");
            Console.WriteLine(MagicHourCommand.ToCurl(magicHour, Stack.LocalMagicHourKey));
        }

        using var sender = new Sender(stack.IngressUrl, stack.Secret, TimeProvider.System);
        Console.WriteLine("\nSend an event with ./platform send, or paste this:\n");
        Console.WriteLine(sender.ToCurl(MagicHourEvent.Create("video.completed", null, TimeProvider.System.GetUtcNow())));
    }

    /// <summary>Runs until Ctrl-C or until a process of the stack ends.</summary>
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
                Console.Error.WriteLine($"{daemon.Name} ended unexpectedly; log {daemon.LogFile}:\n{daemon.LogTail}");
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
