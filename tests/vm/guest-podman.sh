# guest-podman.sh - what podman does with containers of coracle-oci inside a
# machine, for root and dev, in TAP.  MANAGER is podman's manager of control
# groups, SYSTEMCTL asks the systemd whose scopes they are.
# shellcheck shell=bash

PATH=$VM/bin:$PATH
TREE=/sys/fs/cgroup

# RUNTIME=crun tells what is podman's own doing.
p() { podman --runtime "${RUNTIME:-$VM/bin/coracle-oci}" --cgroup-manager "$MANAGER" "$@"; }
of() { p inspect --format "$2" "$1"; }

# same IS WANTED: both are shown when they differ
same() { [ "$1" = "$2" ] || { echo "is: $1"; echo "wanted: $2"; return 1; }; }

# --- the container a: two busy loops with three limits ---

group() { cat ~/group; }
figure() { cat "$(group)/$1"; }

limits() {
	p run -d --name a "$@" --network none --memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 20 \
		busybox sh -c 'while :; do :; done & while :; do :; done' || return
	echo "$TREE$(sed -n 's/^0:://p' "/proc/$(of a '{{.State.Pid}}')/cgroup")" >~/group
	group
	same "$(figure memory.max) $(figure memory.swap.max)" '67108864 0' && same "$(figure cpu.max)" '50000 100000' &&
		same "$(figure pids.max)" 20 &&
		same "$(p exec a sh -c 'cd /sys/fs/cgroup; cat /proc/self/cgroup memory.max cpu.max pids.max')" \
			$'0::/\n67108864\n50000 100000\n20'
}

cpu() {
	local used since begin

	used() { figure cpu.stat | sed -n 's/usage_usec //p'; }
	since=$(used) begin=$(date +%s%N)
	sleep 2
	used=$((($(used) - since) * 100000 / ($(date +%s%N) - begin)))
	echo "used: $used %"
	[ "$used" -gt 20 ] && [ "$used" -lt 75 ]
}

pids() {
	! p exec a sh -c 'i=0; while [ $((i += 1)) -le 30 ]; do sleep 2 & done; wait' &&
		figure pids.events && grep -q 'max [1-9]' "$(group)/pids.events"
}

# Before the figures are bytes that clear a terminal.
stats() {
	local out

	out=$(p stats --no-stream --format json a | sed '1s/.*/[/')
	echo "$out"
	jq -e '.[0] | .name == "a" and (.mem_usage | endswith(" / 67.11MB")) and (.pids | tonumber) >= 2 and
		(.cpu_percent | rtrimstr("%") | tonumber | . > 20 and . < 75)' <<<"$out"
}

pause() {
	p pause a && same "$(of a '{{.State.Status}}') $(grep frozen "$(group)/cgroup.events")" 'paused frozen 1' &&
		p unpause a && same "$(of a '{{.State.Status}}') $(grep frozen "$(group)/cgroup.events")" 'running frozen 0'
}

update() {
	p update --memory 96m --memory-swap 96m --cpus 0.8 a &&
		same "$(figure memory.max) $(figure cpu.max) $(figure pids.max)" '100663296 80000 100000 20'
}

# As update made them.
properties() {
	local unit property

	unit=$(basename "$(group)")
	same "$unit" "libpod-$(of a '{{.Id}}').scope" &&
		same "$(for property in ActiveState Slice Delegate MemoryMax CPUQuotaPerSecUSec TasksMax; do
			"${SYSTEMCTL[@]}" show -P $property "$unit"
		done | paste -sd' ')" "active $1 yes 100663296 800ms 20"
}

gone() {
	p rm -f -t 0 a && wait_for 10 test ! -e "$(group)" || return
	[ "$MANAGER" = cgroupfs ] ||
		same "$("${SYSTEMCTL[@]}" show -P LoadState "$(basename "$(group)")")" not-found
}

# --- others ---

# memory ARG...
memory() {
	local limit=("$@" --network none --memory 32m --memory-swap 32m) status=0

	p run --rm "${limit[@]}" busybox tail /dev/zero || status=$?
	same $status 137 && p run -d --name oom "${limit[@]}" busybox sh -c 'tail /dev/zero; sleep 1000' || return
	wait_for 20 grep -q 'oom_kill [1-9]' "$TREE$(sed -n 's/^0:://p' "/proc/$(of oom '{{.State.Pid}}')/cgroup")/memory.events"
}

# Podman's monitor leaves word of it where podman was called, but podman looks in
# the bundle.  It is sure to see a kill when it looks once more at the end, if
# the cgroup is there then: no scope is, with any runtime.
killed() {
	p create --name killed "$@" --network none --memory 32m --memory-swap 32m busybox sh -c 'tail /dev/zero; exit 7' &&
		cd "$(of killed '{{.StaticDir}}')" || return
	p start -a killed
	same "$(of killed '{{.State.OOMKilled}} {{.State.ExitCode}}')" 'true 7'
}

devices() {
	same "$(p run --rm --network none --device /dev/fuse:/dev/fuse:r busybox sh -c \
		'head -c 0 /dev/fuse && echo read; (: >/dev/fuse) 2>/dev/null || echo refused')" $'read\nrefused'
}

# life NAME ARG...: the arguments are for podman run
life() {
	local name=$1

	shift
	test_that "$name: limits are in their files" limits "$@"
	test_that "$name: --cpus 0.5 is half a processor" cpu
	test_that "$name: --pids-limit refuses fork" pids
	test_that "$name: stats" stats
	test_that "$name: pause and unpause" pause
	test_that "$name: update" update
	[ "$MANAGER" = cgroupfs ] || test_that "$name: properties of the scope" properties "$SLICE"
	test_that "$name: neither cgroup nor scope is left" gone
	test_that "$name: memory limit: killed, 137" memory "$@"
	[ "$MANAGER" = systemd ] || test_that "$name: memory limit: OOMKilled" killed "$@"
	p rm -f -t 0 -a >/dev/null
}
