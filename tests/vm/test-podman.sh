# podman over coracle-oci where all controllers and a systemd are, by both of its
# managers, for an ordinary user and for root.
# shellcheck shell=bash

declare -f test_that wait_for >$VM/tap.sh

# as_dev MANAGER COMMAND
as_dev() {
	dev "export VM=$VM MANAGER=$1 SLICE=user.slice; SYSTEMCTL=(systemctl --user)
		. $VM/tap.sh; . $VM/guest-podman.sh; $2"
}

# An ordinary user's cgroupfs needs a cgroup that is the user's and has no
# processes of its own; podman makes none.
cat >$VM/delegated.sh <<'END_OF_SCRIPT'
. $VM/tap.sh
. $VM/guest-podman.sh
own=$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir "$TREE$own/shell" && echo $$ >"$TREE$own/shell/cgroup.procs"

beside() {
	same "$(p run --rm --network none --memory 64m busybox cat /sys/fs/cgroup/memory.max)" 67108864 &&
		same "$(find "$TREE$own" -mindepth 1 -type d)" "$TREE$own/shell"
}

life 'dev, cgroupfs' --cgroup-parent "$own"
test_that 'dev, cgroupfs: a cgroup of its own where podman names none' beside
END_OF_SCRIPT

# Where the engine's processes are in the cgroup, no limit can be had below it.
not_delegated() {
	local out

	out=$(as_dev cgroupfs 'p run --rm --network none busybox echo runs
		p run --rm --network none --memory 64m busybox echo limited || echo "status $?"')
	echo "$out"
	grep -qx runs <<<"$out" && grep -q 'coracle-oci: memory limit: ' <<<"$out" && grep -qx 'status 126' <<<"$out" &&
		! grep -qx limited <<<"$out"
}

as_dev systemd "p load -q -i $VM/busybox.tar" >/dev/null
as_dev systemd "life 'dev, systemd'"
as_dev cgroupfs "systemd-run --user --scope -q -p Delegate=yes bash -u $VM/delegated.sh"
test_that 'dev, cgroupfs: limits without a delegated cgroup are refused' not_delegated

export HOME=/root MANAGER=systemd SLICE=machine.slice
SYSTEMCTL=(systemctl)
. ./guest-podman.sh
p load -q -i $VM/busybox.tar >/dev/null
life 'root, systemd'
test_that 'root, systemd: a device and its rule' devices
MANAGER=cgroupfs
life 'root, cgroupfs'
test_that 'root, cgroupfs: a device and its rule' devices
