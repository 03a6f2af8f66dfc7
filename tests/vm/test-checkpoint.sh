# coracle-oci's checkpoint and restore where Debian's criu knows the kernel, by
# both managers of control groups, and podman's over it.
# shellcheck shell=bash

# shellcheck source=tests/vm/guest-oci.sh
. ./guest-oci.sh
export HOME=/root

COUNT='i=0; while :; do i=$((i + 1)); echo $i >>/tmp/n; sleep 0.1; done'

# same IS WANTED: both are shown when they differ
same() { [ "$1" = "$2" ] || { echo "is: $1"; echo "wanted: $2"; return 1; }; }

number() { tail -n 1 "/proc/$1/root/tmp/n"; }
is_beyond() { [ "$(number "$1")" -gt "$2" ]; }

# What the kernel says of it, without numbers that are drawn anew.
seen() {
	sed 's/^[0-9]* [0-9]* [^ ]* //' "/proc/$(init)/mountinfo" | sort
	grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups|Umask)' "/proc/$(init)/status"
}

start() {
	bundle '{"resources": {"memory": {"limit": 52428800}}}' sh -c "$COUNT"
	jq '.process.user = {uid: 1000, gid: 1000, umask: 63} | .mounts += [
		{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=1777"]},
		{destination: "/mnt", source: "/srv/shared", options: ["rbind", "rslave"]}] |
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
			syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO"}]}' ~/b/config.json >~/changed
	mv ~/changed ~/b/config.json
	oci create -b ~/b c </dev/null >~/said 2>&1 && oci start c || { cat ~/said; return 1; }
}

# cycle ARG...: of checkpoint and restore
cycle() {
	local before was group

	mkdir -p /srv/shared/late
	start && wait_for 60 is_beyond "$(init)" 3 || return
	was=$(seen) before=$(number "$(init)") group=$(group)
	oci checkpoint --image-path ~/images c || return
	! oci state c 2>/dev/null && [ ! -e "$group" ] || return
	oci restore -b ~/b --image-path ~/images -d c </dev/null >/dev/null || return
	wait_for 60 is_beyond "$(init)" "$before" && same "$(seen)" "$was" && same "$(group)" "$group" &&
		same "$(figure memory.max)" 52428800 || return
	mount -t tmpfs none /srv/shared/late && touch /srv/shared/late/f || return
	same "$(oci exec c ls /mnt/late)" f || return
	umount /srv/shared/late
	oci delete -f c && [ ! -e "$group" ] && ! grep -F coracle /proc/self/mountinfo
	rm -rf ~/images
}

# Only what changed since is in the second images.
with_parent() {
	start && wait_for 60 is_beyond "$(init)" 3 || return
	oci checkpoint --pre-dump --image-path ~/earlier c && oci exec c true &&
		oci checkpoint --image-path ~/images --parent-path ../earlier c || return
	[ -L ~/images/parent ] || return
	oci restore -b ~/b --image-path ~/images -d c </dev/null >/dev/null && wait_for 60 is_beyond "$(init)" 3 &&
		oci delete -f c
	rm -rf ~/images ~/earlier
}

# Both ends are inside.
connections() {
	local talk='sleep 1000 | nc -l -p 7777 >>/tmp/n & sleep 2
		i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done | nc 127.0.0.1 7777'
	local before

	COUNT=$talk start && wait_for 60 is_beyond "$(init)" 3 || return
	! oci checkpoint --image-path ~/images c || return
	before=$(number "$(init)")
	wait_for 60 is_beyond "$(init)" "$before" && oci checkpoint --tcp-established --image-path ~/images c &&
		oci restore --tcp-established -b ~/b --image-path ~/images -d c </dev/null >/dev/null || return
	wait_for 60 is_beyond "$(init)" "$before" && oci delete -f c
	rm -rf ~/images
}

p() { podman --runtime $VM/bin/coracle-oci --cgroup-manager systemd "$@"; }
pid_of() { p inspect --format '{{.State.Pid}}' "$1"; }

with_podman() {
	local before

	p load -q -i $VM/busybox.tar >/dev/null &&
		p run -d --name a --network none --tmpfs /tmp -v vol:/v busybox sh -c "$COUNT" || return
	wait_for 60 is_beyond "$(pid_of a)" 3 || return
	before=$(number "$(pid_of a)")
	p container checkpoint -e /tmp/a.tar a && p rm -f a && p volume rm vol && p container restore -i /tmp/a.tar -n b || return
	wait_for 60 is_beyond "$(pid_of b)" "$before" && p exec b sh -c 'echo kept >/v/f' && p rm -f -t 0 b
}

test_that "criu knows this kernel" criu check
MANAGER=cgroupfs
test_that "cgroupfs: a container goes on as it was" cycle
MANAGER=systemd
test_that "systemd: a container goes on as it was" cycle
test_that "--pre-dump, --parent-path: in two steps" with_parent
test_that "--tcp-established: connections are kept" connections
test_that "podman: exported, and restored with another name" with_podman
