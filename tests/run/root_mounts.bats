#!/usr/bin/env bats
# Mounts and devices that only root can have, by coracle-oci.

load helper

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	need jq unshare setpriv
	coracle_publish
	publish_deny
	export PATH="$PUB/bin:$PATH"
}

# A bundle, and beside it a tmpfs "src" with a file, a directory and another tmpfs "sub", in a mount
# namespace of this test's own, where all is shared.
setup() {
	[ "$(id -u)" -eq 0 ] || return 0
	W=$BATS_TEST_TMPDIR
	mkdir -p "$W"/rootfs/{bin,proc,sys,dev,tmp,mnt,etc} "$W"/{src,state}
	cp "$(command -v busybox)" "$W/rootfs/bin/busybox"
	for applet in sh cat ls stat mount grep cut id mkdir sleep touch readlink awk umount true; do
		ln -s busybox "$W/rootfs/bin/$applet"
	done
	(cd "$W" && coracle-oci spec && jq '.process.terminal = false | .root.readonly = false |
		.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])' config.json >spec.json)
}

# config FILTER SCRIPT: config.json with this change, running this script.
config() {
	jq --arg script "$2" --arg w "$W" '.process.args = ["sh", "-c", $script] | '"$1" \
		"$W/spec.json" >"$W/config.json"
}

# host SCRIPT: in a mount namespace with the shared source directory.
host() {
	capture unshare -m --propagation private sh -euc '
		mount -t tmpfs -o mode=755 src "$W/src"; mount --make-shared "$W/src"
		mkdir "$W/src/sub"; mount -t tmpfs -o mode=755 sub "$W/src/sub"
		echo inside >"$W/src/file"; chown 1000:2000 "$W/src/file"
		'"$1"
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

export RUN='coracle-oci --root "$W/state" run --bundle "$W" "$BOX"'
LOOK='awk '\''$5 ~ "^/mnt" { p = ""; for (i = 7; $i != "-"; i++) { sub(":.*", "", $i); p = p " " $i }
	print $5, $6 p }'\'' /proc/self/mountinfo'
# Another one could have its cgroup where ours is to be.
export W BOX=box-$$

# bind OPTION...: the source at /mnt with these options.
bind() {
	printf '.mounts += [{destination: "/mnt", type: "bind", source: ($w + "/src"), options: ["%s"]}]' \
		"$(echo "$*" | sed 's/ /", "/g')"
}

# field: mounts.options.bind
@test "a bind leaves out what is mounted below, unless it is recursive" {
	config "$(bind bind)" "$LOOK"
	host "$RUN"
	output_is '/mnt rw,relatime'
	config "$(bind bind rro)" "$LOOK"
	host "$RUN"
	output_is '/mnt ro,relatime'
	config "$(bind rbind ro)" "$LOOK"
	host "$RUN"
	output_is $'/mnt ro,relatime\n/mnt/sub rw,relatime'
}

# field: mounts.options.rw
# field: mounts.options.suid
# field: mounts.options.dev
# field: mounts.options.exec
# field: mounts.options.atime
# field: mounts.options.diratime
# field: mounts.options.symfollow
@test "what is denied on the host is lifted when root asks for it" {
	local deny='mount -o remount,bind,ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow "$W/src"; '
	config "$(bind bind)" "$LOOK"
	host "$deny$RUN"
	output_is '/mnt ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow'
	config "$(bind bind rw exec)" "$LOOK"
	host "$deny$RUN"
	output_is '/mnt rw,nosuid,nodev,noatime,nodiratime,nosymfollow'
	config "$(bind bind rw suid dev exec atime diratime symfollow)" "$LOOK"
	host "$deny$RUN"
	output_is '/mnt rw,relatime'
	config "$(bind rbind rrw rsuid rdev rexec ratime rdiratime rsymfollow)" "$LOOK"
	host "$deny$RUN"
	output_is $'/mnt rw,relatime\n/mnt/sub rw,relatime'
}

# field: mounts.options.rnoatime
# field: mounts.options.rstrictatime
# field: mounts.options.rrelatime
# field: mounts.options.nostrictatime
# field: mounts.options.rnostrictatime
@test "access times, of a mount and of those below it" {
	config "$(bind rbind rnoatime)" "$LOOK"
	host "$RUN"
	output_is $'/mnt rw,noatime\n/mnt/sub rw,noatime'
	config "$(bind rbind rstrictatime)" "$LOOK"
	host "$RUN"
	output_is $'/mnt rw\n/mnt/sub rw'
	config "$(bind rbind rstrictatime rnostrictatime)" "$LOOK"
	host "$RUN"
	output_is $'/mnt rw,relatime\n/mnt/sub rw,relatime'
	config "$(bind rbind nostrictatime)" "$LOOK"
	host "mount -o remount,bind,strictatime \$W/src; mount -o remount,bind,noatime \$W/src/sub; $RUN"
	output_is $'/mnt rw,relatime\n/mnt/sub rw,noatime'
	config "$(bind rbind rrelatime)" "$LOOK"
	host "mount -o remount,bind,strictatime \$W/src; mount -o remount,bind,noatime \$W/src/sub; $RUN"
	output_is $'/mnt rw,relatime\n/mnt/sub rw,relatime'
}

# field: mounts.options.shared
# field: mounts.options.slave
# field: mounts.options.private
@test "mounts spread as far as the options say" {
	local option seen how
	for option in rshared rslave rprivate; do
		case $option in
		rshared) seen=$'host: ours\ncontainer: theirs ours' ;;
		rslave) seen=$'host:\ncontainer: theirs ours' ;;
		rprivate) seen=$'host:\ncontainer: ours' ;;
		esac
		config "$(bind rbind $option)" 'mkdir /mnt/new; mount -t tmpfs t /mnt/new; touch /mnt/new/ours
			touch /mnt/ready; while ! [ -e /mnt/go ]; do sleep 0.05; done
			echo container: $(ls /mnt/new /mnt/from 2>/dev/null | grep -v :); sleep 0.1'
		for how in '' 'deny open_tree --'; do
			host "$how $RUN >\$W/out & while ! [ -e \$W/src/ready ]; do sleep 0.05; done
				mkdir \$W/src/from; mount -t tmpfs t \$W/src/from; touch \$W/src/from/theirs
				echo host: \$(ls \$W/src/new); touch \$W/src/go; wait; cat \$W/out"
			output_is "$seen"
		done
	done
}

# field: linux.rootfsPropagation
@test "a root file system in a shared mount: nothing of the container spreads" {
	local value
	for value in private rslave rshared; do
		config ".linux.rootfsPropagation = \"$value\" | $(bind rbind rshared)" 'echo started'
		host "mount --bind \$W/rootfs \$W/rootfs; mount --make-shared \$W/rootfs
			before=\$(cut -d' ' -f4- /proc/self/mountinfo)
			coracle-oci --root \$W/state create --bundle \$W \$BOX
			[ \"\$before\" = \"\$(cut -d' ' -f4- /proc/self/mountinfo)\" ] || { echo spread; exit 1; }
			coracle-oci --root \$W/state start \$BOX; sleep 0.2
			[ \"\$before\" = \"\$(cut -d' ' -f4- /proc/self/mountinfo)\" ] || { echo spread; exit 1; }
			coracle-oci --root \$W/state delete -f \$BOX"
		output_is started
	done
}

# field: mounts.uidMappings
# field: mounts.gidMappings
# field: mounts.options.idmap
# field: mounts.options.ridmap
@test "the owners of a mount's files can be mapped" {
	is_denied open_tree || is_denied mount_setattr && skip "ids of mounts are mapped by calls that are denied here"
	local map='uidMappings: [{containerID: 1000, hostID: 7, size: 10}],
		gidMappings: [{containerID: 2000, hostID: 8, size: 10}]'
	config ".mounts += [{destination: \"/mnt\", type: \"bind\", source: (\$w + \"/src\"),
		options: [\"rbind\"], $map}]" 'stat -c %u:%g /mnt/file'
	host "$RUN"
	output_is 7:8
	config ".mounts += [{destination: \"/mnt\", type: \"bind\", source: (\$w + \"/src\"),
		options: [\"rbind\", \"ridmap\"], $map}]" 'stat -c %u:%g /mnt/file /mnt/sub/file'
	host "echo >\$W/src/sub/file; chown 1001:2001 \$W/src/sub/file; $RUN"
	output_is $'7:8\n8:9'
	# as the container's own map
	config ".linux.namespaces += [{type: \"user\"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 300000, size: 65536}] |
		.linux.gidMappings = [{containerID: 0, hostID: 300000, size: 65536}] | $(bind rbind idmap)" \
		'stat -c %u:%g /mnt/file; touch /mnt/new'
	host "chmod 755 \$W \$W/..; $RUN; stat -c %u:%g \$W/src/new"
	output_is $'1000:2000\n0:0'
	config "$(bind rbind idmap)" true
	capture host "$RUN"
	output_has 'idmap needs a map or a user namespace'
}

# field: linux.devices
@test "devices are nodes of their own, or bound where none can be made" {
	local devices='.linux.devices = [
		{path: "/dev/own", type: "c", major: 1, minor: 5, fileMode: 384, uid: 7, gid: 8},
		{path: "/dev/deep/pipe", type: "p", fileMode: 432},
		{path: "/dev/block", type: "b", major: 7, minor: 0},
		{path: "/dev/zero", type: "u", major: 1, minor: 5}]'
	config "$devices" 'stat -c "%n %F %t:%T %a %u:%g" /dev/null /dev/own /dev/deep/pipe /dev/block /dev/zero
		grep -c " /dev/" /proc/mounts'
	host "$RUN"
	output_is $'/dev/null character special file 1:3 666 0:0
/dev/own character special file 1:5 600 7:8
/dev/deep/pipe fifo 0:0 660 0:0
/dev/block block special file 7:0 666 0:0
/dev/zero character special file 1:5 666 0:0
3'
	config . 'stat -c "%n %t:%T" /dev/null /dev/tty; grep -c " /dev/[nzfrut]" /proc/mounts'
	host "setpriv --bounding-set -mknod --inh-caps -mknod ${RUN}"
	output_is $'/dev/null 1:3\n/dev/tty 5:0\n6'
	config '.linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 9}]' true
	capture host "$RUN"
	output_has "make device 'null': File exists"
}

# field: mounts.type
@test "a file system on a device" {
	need mkfs.ext4 losetup
	truncate -s 8M "$W/disk"
	mkfs.ext4 -q "$W/disk"
	local loop
	loop=$(losetup -f --show "$W/disk") || skip "no loop device"
	config ".linux.resources.devices += [{allow: true, type: \"b\", major: 7, access: \"rw\"}] |
		.mounts += [{destination: \"/mnt\", type: \"ext4\", source: \"$loop\", options: [\"nosuid\", \"sync\"]}]" \
		"ls /mnt; grep ' /mnt ' /proc/mounts | cut -d' ' -f3,4 | cut -d, -f1-3"
	host "$RUN" || { losetup -d "$loop"; false; }
	losetup -d "$loop"
	output_is $'lost+found\next4 rw,sync,nosuid'
}

@test "cgroups of the surrounding namespace are seen whole" {
	config 'del(.linux.namespaces[] | select(.type == "cgroup")) |
		.mounts |= map(select(.destination != "/sys/fs/cgroup")) +
		[{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid"]}]' \
		'test -e /sys/fs/cgroup/cgroup.procs && grep " /sys/fs/cgroup " /proc/mounts | cut -d, -f1'
	host "$RUN"
	output_is 'cgroup /sys/fs/cgroup cgroup2 ro'
}

@test "without pivot_root" {
	config "$(bind rbind)" 'ls / | grep -c .; ls -d /.. >/dev/null; cat /mnt/file; ls /../mnt; grep -c . /proc/mounts'
	host "$RUN"
	local pivoted=$output how
	for how in '' 'deny pivot_root --' 'deny mount_setattr --' 'deny open_tree --'; do
		host "$how coracle-oci --root \$W/state run --no-pivot --bundle \$W \$BOX"
		output_is "$pivoted"
	done
}

# RELIABILITY H4
@test "an older kernel, without a user namespace" {
	local old=openat2,open_tree,fsopen,fsmount,move_mount,mount_setattr,clone3,close_range,pidfd_open,memfd_create
	config "$(bind rbind rro nosuid) | .mounts += [{destination: \"/a/b\", type: \"tmpfs\", source: \"t\"}]" \
		"$LOOK; stat -c '%n %t:%T' /dev/null /dev/tty; ls /; cut -d' ' -f2,3 /proc/mounts | sort"
	host "$RUN"
	local new=$output
	host "deny $old -- $RUN"
	output_is "$new"
}
