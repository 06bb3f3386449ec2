#!/bin/sh
# Owns a machine in namespaces: this Debian below an overlay, the units at their final paths, and a real
# systemd as PID 1. All of it is gone when the process is: what is written lies in a tmpfs.
#   boot.sh BELOW SCRIPT CHECKOUT VENV FOLDER      SCRIPT: this one
# BELOW is "" or the chroot that the other paths are in: a chroot cannot make user namespaces, so all is
# done from the real root. FOLDER is an empty one to mount things on.
set -eu
below=$1 checkout=$1$3 venv=$1$4 here=$1$5

outside() { # a cgroup of its own, or systemd would take over the one we are in
    mount --make-rprivate /
    mount -t tmpfs tmpfs "$here"
    mkdir "$here/cgroup"
    mount -t cgroup2 cgroup2 "$here/cgroup"
    group=$here/cgroup/jembatan-proof-$$
    mkdir "$group"
    trap 'find "$group" -depth -type d -exec rmdir {} +' EXIT
    trap 'exit 1' INT TERM
    sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" \
        unshare --mount --pid --fork --kill-child=KILL --net --uts --ipc --cgroup sh "$0" "$@" inside || true
}

inside() {
    root=$here/root
    mkdir "$root"
    overlay "$root" "$below/"
    mount -t proc proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    devices
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
    machine
    product
    mkdir "$root/run/outside"
    cd "$root"
    pivot_root . run/outside
    umount -l run/outside
    # What would reach through to the kernel that we share is taken away, as systemd-nspawn does.
    exec env -i container=proof setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-syslog,-audit_control,-audit_read \
        /lib/systemd/systemd --unit=jembatan.target --log-target=journal --show-status=no
}

certificate='
from pathlib import Path
from appliance.box import notary
notary.prepare(Path("/data"), ["proof.local"])
'

overlay() { # overlay MOUNTPOINT LOWER
    upper=$here/upper$(echo "$2" | tr / _)
    mkdir -p "$upper" "$upper.work"
    mount -t overlay -o "lowerdir=$2,upperdir=$upper,workdir=$upper.work" overlay "$1"
}

devices() {
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for node in null zero full random urandom tty; do
        touch "$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
}

machine() { # nothing that is enabled or mounted here is any business of there
    rm -rf "$root/etc/systemd/system" "$root/etc/machine-id"
    mkdir "$root/etc/systemd/system"
    : >"$root/etc/machine-id"
    : >"$root/etc/fstab"
}

product() { # as systemd/README.md says
    rm -rf "$root/data"
    mkdir -p "$root/opt/jembatan" "$root/srv/cr-export" "$root/srv/pacs"
    overlay "$root/opt/jembatan" "$venv"
    packages=$(echo "$root"/opt/jembatan/lib/python3*/site-packages)
    rm -f "$packages/jembatan.pth"
    cp -rL "$checkout/appliance" "$packages/"
    units=$root/usr/lib/systemd/system
    (cd "$checkout/systemd" && cp -r ./*.target ./*.service ./*.socket ./*.path ./*.service.d "$units/")
    cp -r "$checkout/image-build/overlay/usr/." "$root/usr/"
    cp "$checkout"/systemd/sysusers.d/* "$root/usr/lib/sysusers.d/"
    cp "$checkout/systemd/tmpfiles.d/jembatan.conf" "$root/usr/lib/tmpfiles.d/"
    chroot "$root" systemd-sysusers jembatan.conf
    chroot "$root" /opt/jembatan/bin/python -c "$certificate"
    chroot "$root" chown jembatan-watch:jembatan /srv/cr-export
}

if [ "${6:-outside}" = inside ]; then inside; else outside "$@"; fi
