# syntax=docker/dockerfile:1
ARG BUILDER=rust:1.95.0-bookworm
ARG RUNTIME=gcr.io/distroless/cc-debian12:nonroot
ARG RESTORE=postgres:17-bookworm

FROM ${BUILDER} AS build
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} \
    CARGO_INCREMENTAL=0 \
    RUSTUP_TOOLCHAIN=1.95.0 \
    RUSTFLAGS="--remap-path-prefix=/src=/ops-checklist --remap-path-prefix=/usr/local/cargo=/cargo"
RUN apt-get update \
 && apt-get install --yes --no-install-recommends cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package exporter --package rules-gen --bins \
 && install -D -t /out target/release/checklist-exporter target/release/rules-gen

FROM ${RESTORE} AS restore
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /usr/local/bin/
RUN useradd --uid 65532 --user-group --no-create-home --shell /usr/sbin/nologin checklist
USER 65532:65532
ENTRYPOINT []
CMD ["checklist-exporter", "--help"]

FROM ${RUNTIME} AS exporter
COPY --from=build /out/ /usr/local/bin/
ENV PATH=/usr/local/bin:/usr/bin:/bin
USER 65532:65532
EXPOSE 9876
ENTRYPOINT ["/usr/local/bin/checklist-exporter"]
CMD ["run", "--config", "/etc/checklist-exporter/checklist.yaml", "--listen", "[::]:9876"]
