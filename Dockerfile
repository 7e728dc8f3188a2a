# syntax=docker/dockerfile:1
#
# One static binary and a shell on an empty base: about 20 MB, for amd64 and arm64. Docker builds each architecture on itself
# (emulated where it is foreign), so that the C code of SQLite and ring needs no cross compiler.
#
# Valgrind is here for the order of functions, which `cargo xtask dist` takes from a short run of the program. The order can't be
# kept in the repository: its names end in numbers of one compiler, one target and one lockfile, and it has a megabyte of them.

FROM rust:1.95-alpine AS build
ARG TARGETARCH
RUN apk add --no-cache build-base busybox-static nodejs npm valgrind
WORKDIR /src
COPY . .
# The page is part of the binary: without it no image is made.
ENV CARGO_TARGET_DIR=/target CHELA_NEED_UI=1
RUN --mount=type=cache,id=chela-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=chela-target-${TARGETARCH},target=/target \
    cargo xtask dist && sh deploy/rootfs.sh /rootfs /target/*-linux-musl/dist/chela /bin/busybox.static

FROM scratch
COPY --from=build /rootfs /
# The last of the five names under which the state dir is looked for: a deployment that says another place wins.
ENV krabkrab_STATE_DIR=/data \
    CHELA_RUN_AS=10001:10001 \
    CHELA_HOME=/home/chela \
    HOME=/home/chela \
    PATH=/usr/local/bin:/usr/bin:/bin
WORKDIR /home/chela
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
CMD ["chela", "gateway", "--allow-unconfigured", "--port", "3000", "--bind", "lan"]
