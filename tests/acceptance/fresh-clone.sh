#!/bin/sh
# Shows what a stranger sees: a bare Debian with git and ca-certificates, a fresh clone, ./dev test, ./dev run.
# As root:  fresh-clone.sh bookworm|trixie [test|run]...
# From the environment: DEBIAN_MIRROR; KEEP (a folder for the unpacked system; default: a temporary one).
# Proxies, PIP_* and SSL_* variables, the resolver and the trusted certificates are the machine's own.
set -eu

suite=$1
shift
checkout=$(cd "$(dirname "$0")/../.." && pwd)
store=${XDG_CACHE_HOME:-$HOME/.cache}/jembatan
bare=$store/$suite.tar

if [ "${INSIDE:-}" != yes ]; then
    command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing" >&2; exit 1; }
    mkdir -p "$store"
    [ -e "$bare" ] || mmdebstrap --quiet --variant=minbase --include=git,ca-certificates "$suite" "$bare" \
        ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}
    # Mounts and processes of the bare system end with this one process.
    INSIDE=yes exec unshare --mount-proc --pid --fork --kill-child sh "$0" "$suite" "$@"
fi

root=${KEEP:-$(mktemp -d)}
mkdir -p "$root"
[ -n "${KEEP:-}" ] || trap 'umount -R "$root/sys" "$root/dev" "$root/proc"; rm -rf --one-file-system "$root"' EXIT
[ -d "$root/usr" ] || tar -xf "$bare" -C "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

exec_inside() { # becomes the command, so that a signal reaches it
    # shellcheck disable=SC2046
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
        $(env | grep -E '^(https?_proxy|no_proxy|PIP_[A-Z_]*|SSL_[A-Z_]*)=[^ ]*$') \
        chroot "$root" "$@"
}

inside() { (exec_inside "$@"); }

boots() { # what starts at boot
    (cd "$root" && find etc/systemd etc/rc?.d -type l \( -path '*.wants/*' -o -name 'S*' \) | sort) 2>/dev/null || true
}

processes() { # every process here but this script's own
    for exe in /proc/[0-9]*/root; do
        [ "$(readlink "$exe" 2>/dev/null)" != "$root" ] || tr '\0' ' ' <"${exe%root}cmdline"
    done
}

timed() {
    started=$(date +%s)
    status=0
    "$@" || status=$?
    echo "== $suite: $*: exit $status after $(($(date +%s) - started)) s"
    return "$status"
}

try_test() { timed inside sh -c 'cd /root/jembatan && ./dev test'; }

try_run() { # a dropped sample must be seen in the practice PACS
    log=$root/root/run.log
    clone=$root/root/jembatan
    exec_inside sh -c 'cd /root/jembatan && exec ./dev run' >"$log" 2>&1 &
    runner=$!
    seen=0
    timed wait_for 600 'Drop exports' "$log" &&
        cp "$clone/tests/data/images/12bit.cropped.tif" "$clone/box/export/P1001_A77_DOE^JANE_20260102.tif" &&
        timed wait_for 60 'practice PACS has a new image.*P1001' "$log" || seen=$?
    kill -TERM "$runner" || true
    wait "$runner" || seen=$?
    cat "$log"
    return "$seen"
}

wait_for() { # wait_for SECONDS PATTERN FILE
    for _ in $(seq "$(($1 * 2))"); do
        grep -q "$2" "$3" && return
        kill -0 "$runner" 2>/dev/null || break
        sleep 0.5
    done
    return 1
}

failed=
blame() {
    echo "$*" >&2
    failed=yes
}

boots >"$root/root/boots-before"
git clone --quiet "$checkout" "$root/root/jembatan"
for what in "${@:-test}"; do "try_$what" || failed=yes; done
boots | diff "$root/root/boots-before" - || blame "a service was left enabled"
[ -z "$(processes)" ] || blame "left running: $(processes)"
[ ! -e "$root/usr/sbin/policy-rc.d" ] || blame "policy-rc.d was left behind"
[ -z "$failed" ]
