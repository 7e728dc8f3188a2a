#!/bin/sh
# Lays out the file system of the image: `rootfs.sh <folder> <chela> <busybox>`.
#
# The Dockerfile and the test that boots the image without Docker both call this, so that what is tested is what is shipped.
# Certificates and time zones are inside the binary. Busybox is here for `fly ssh console` and for the assistant's commands.
set -eu
root=$1 chela=$2 busybox=$3

mkdir -p "$root/bin" "$root/usr/local/bin" "$root/etc" "$root/home/chela" "$root/root" "$root/data" \
  "$root/tmp" "$root/var/tmp" "$root/run" "$root/proc" "$root/sys" "$root/dev"
chmod 1777 "$root/tmp" "$root/var/tmp"

cp "$chela" "$root/usr/local/bin/chela"
chmod 755 "$root/usr/local/bin/chela"
# The names of the programs that it stands in for. `node` takes `node dist/index.js gateway …`, so that a fly.toml that
# was written for them keeps its command.
for name in openclaw clawdbot krabkrab node; do ln -sf chela "$root/usr/local/bin/$name"; done

cp "$busybox" "$root/bin/busybox"
chmod 755 "$root/bin/busybox"
for name in $("$busybox" --list); do
  [ "$name" = busybox ] || ln -sf busybox "$root/bin/$name"
done

echo 'root:x:0:0:root:/root:/bin/sh
chela:x:10001:10001:chela:/home/chela:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:
chela:x:10001:' > "$root/etc/group"
# Where somebody runs this without being root, the image's own user is whoever starts it.
chown 10001:10001 "$root/home/chela" 2>/dev/null || true
