# Both images, from one build: docker build --target ingress-api . and docker build --target processor-worker .
# Tags serve builds on this machine; a release builds on the digests in deploy/base-images.
ARG SDK=mcr.microsoft.com/dotnet/sdk:10.0
ARG ASPNET=mcr.microsoft.com/dotnet/aspnet:10.0
# The version that --version prints, without the v of the tag. The build context has no git history, so a release passes it with its commit.
ARG VERSION=0.0.0-alpha.0

FROM ${SDK} AS build
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1
WORKDIR /source
# Restore depends on the lock files alone, so this layer stays cached until a package changes.
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY Contracts/Contracts.csproj Contracts/packages.lock.json Contracts/
COPY ServiceDefaults/ServiceDefaults.csproj ServiceDefaults/packages.lock.json ServiceDefaults/
COPY Ingress.Api/Ingress.Api.csproj Ingress.Api/packages.lock.json Ingress.Api/
COPY Processor.Worker/Processor.Worker.csproj Processor.Worker/packages.lock.json Processor.Worker/
COPY tools/Directory.Build.props tools/
COPY tools/Operations.Cli/Operations.Cli.csproj tools/Operations.Cli/packages.lock.json tools/Operations.Cli/
RUN dotnet restore Ingress.Api --locked-mode && dotnet restore Processor.Worker --locked-mode && dotnet restore tools/Operations.Cli --locked-mode
COPY Contracts Contracts
COPY ServiceDefaults ServiceDefaults

FROM build AS build-ingress-api
COPY Ingress.Api Ingress.Api
ARG VERSION
ARG REVISION
RUN dotnet publish Ingress.Api --no-restore --configuration Release --output /app "-p:MinVerVersionOverride=$VERSION" "-p:SourceRevisionId=$REVISION"

FROM build AS build-operations
COPY tools/Operations.Cli tools/Operations.Cli
ARG VERSION
ARG REVISION
RUN dotnet publish tools/Operations.Cli --no-restore --configuration Release --output /app "-p:MinVerVersionOverride=$VERSION" "-p:SourceRevisionId=$REVISION"

FROM build AS build-processor-worker
COPY Processor.Worker Processor.Worker
ARG VERSION
ARG REVISION
RUN dotnet publish Processor.Worker --no-restore --configuration Release --output /app "-p:MinVerVersionOverride=$VERSION" "-p:SourceRevisionId=$REVISION"

FROM ${ASPNET} AS service
WORKDIR /app
# Diagnostics are off because their port is a file and the root file system is read-only. Disabling W^X saves a fifth of the start-up time.
# The service's own default sets the address. Logs are JSON.
ENV DOTNET_EnableDiagnostics=0 \
    DOTNET_EnableWriteXorExecute=0 \
    ASPNETCORE_HTTP_PORTS= \
    Logging__Console__FormatterName=json-line
USER $APP_UID
ARG VERSION
ARG REVISION
ARG SOURCE
ARG CREATED
LABEL org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.created="$CREATED"

FROM service AS ingress-api
COPY --from=build-ingress-api /app .
EXPOSE 8080
LABEL org.opencontainers.image.title="ingress-api" \
      org.opencontainers.image.description="Receives signed webhooks, and answers 200 once RabbitMQ has confirmed them."
ENTRYPOINT ["dotnet", "Ingress.Api.dll"]

FROM service AS processor-worker
COPY --from=build-processor-worker /app .
# The verbs of the operations API, in a folder of their own: `dotnet operations/operations.dll parked error`.
COPY --from=build-operations /app operations/
# A group commit links to every message in it; the default limit is 128 links. Messages live until their commit: in the runtime's own first
# generation, of 6 MB here, every group is copied by a collection or two, a quarter of the worker's CPU. This one is 32 MB; the number is
# hexadecimal. The same setting in runtimeconfig.json, System.GC.Gen0Size, has no effect (.NET 10.0.12).
ENV OTEL_SPAN_LINK_COUNT_LIMIT=2000 \
    DOTNET_GCgen0size=2000000
EXPOSE 8081
LABEL org.opencontainers.image.title="processor-worker" \
      org.opencontainers.image.description="Processes webhooks from RabbitMQ into PostgreSQL exactly once, and notifies owners of jobs."
ENTRYPOINT ["dotnet", "Processor.Worker.dll"]
