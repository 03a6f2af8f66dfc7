# machine.bash - for files run by root: namespaces in which root's programs find
# what a machine of their own would have: only cgroup v2, an empty /run, no
# network but lo.  Loaded after helper.
# shellcheck shell=bash

# machine_up: "inside" works from now on; USER1 owns the cgroup "user" and has
# HOME1 and /run/user1.
machine_up() {
	local ready=$BATS_FILE_TMPDIR/ready
	export USER1=crt-machine-$$ HOME1=$BATS_FILE_TMPDIR/home1 MACHINE=coracle-machine-$$
	useradd --system --no-create-home "$USER1"
	usermod --add-subuids 3000000-3065535 --add-subgids 3000000-3065535 "$USER1"
	install -d -o "$USER1" -m 0700 "$HOME1"
	unshare -m -n sh -euc '
		mount --make-rprivate /
		mount -t cgroup2 none /sys/fs/cgroup
		mkdir "/sys/fs/cgroup/$1"
		echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"
		exec unshare -C sh -euc "$2" - "$3" "$4"' - "$MACHINE" '
		umount /sys/fs/cgroup
		mount -t cgroup2 none /sys/fs/cgroup
		mount -t tmpfs none /run
		mount -t tmpfs none /dev/shm
		mount --make-rshared /
		ip link set lo up
		mkdir /sys/fs/cgroup/here /sys/fs/cgroup/user /sys/fs/cgroup/user/here
		chown -R "$1" /sys/fs/cgroup/user
		install -d -o "$1" -m 0700 /run/user1
		echo $$ >/sys/fs/cgroup/here/cgroup.procs
		echo ok >"$2"
		exec sleep 3600' "$USER1" "$ready" \
		</dev/null >"$BATS_FILE_TMPDIR/machine" 2>&1 3>&- &
	export HOLDER=$!
	wait_for 5 test -s "$ready" || skip "no cgroup v2 that root can write: $(cat "$BATS_FILE_TMPDIR/machine")"
}

# inside CGROUP COMMAND...: in the machine's namespaces, and in here or user/here.
inside() {
	nsenter -t "$HOLDER" -m -n -C -- sh -c \
		'echo $$ >"/sys/fs/cgroup/$0/cgroup.procs" && exec "$@"' "$@" 3>&-
}

# as_user1 COMMAND...: as that user, inside.
as_user1() {
	inside user/here runuser -u "$USER1" -- env -i PATH="$PATH" HOME="$HOME1" XDG_RUNTIME_DIR=/run/user1 \
		CONTAINERS_CONF="${CONTAINERS_CONF-}" "$@"
}

# Everything in it ends; what is left of cgroups beside its own is printed.
machine_down() {
	[ -n "${HOLDER-}" ] || return 0
	unshare -m sh -c 'mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup && cd "/sys/fs/cgroup/$1" || exit
		echo 1 >cgroup.kill
		for i in 1 2 3 4 5 6 7 8 9; do
			grep -q "populated 0" cgroup.events && break || sleep 0.1
		done
		find . -mindepth 2 -type d ! -path ./user/here -printf "left: %P\n"
		cd .. && find "$1" -depth -type d -exec rmdir {} \; ' - "$MACHINE"
	wait "$HOLDER" 2>/dev/null || true
	userdel "$USER1"
}
