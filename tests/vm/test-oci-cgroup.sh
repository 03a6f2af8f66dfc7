# coracle-oci's control groups where all controllers and a systemd are: limits
# that limit, by cgroupfs and by systemd, for root and for an ordinary user.
# shellcheck shell=bash

# shellcheck source=tests/vm/guest-oci.sh
. ./guest-oci.sh
export HOME=/root MANAGER=cgroupfs

# as_dev MANAGER COMMAND
as_dev() { dev "export VM=$VM MANAGER=$1; . $VM/guest-oci.sh; $2"; }

# same IS WANTED: both are shown when they differ
same() { [ "$1" = "$2" ] || { echo "is: $1"; echo "wanted: $2"; return 1; }; }

# --- limits that limit ---

memory() {
	local out

	out=$(oci_run '{"resources": {"memory": {"limit": 20000000, "swap": 20000000}}}' tail /dev/zero)
	same "${out##*$'\n'}" 'status 137' || return
	oci_start '{"resources": {"memory": {"limit": 20000000, "swap": 20000000}}}' \
		sh -c 'tail /dev/zero; sleep 1000' || return
	wait_for 20 grep -q 'oom_kill [1-9]' "$(group)/memory.events"
}

# A little is enough for init and a small program, and too little is said.  For
# root our program is executed anew, which takes more.
small() {
	local enough

	[ "$(id -u)" -eq 0 ] && enough=1048576 || enough=524288
	same "$(oci_run '{"resources": {"memory": {"limit": '$enough', "swap": '$enough'}}}' echo fits)" $'fits\nstatus 0' &&
		same "$(oci_run '{"resources": {"memory": {"limit": 65536, "swap": 65536}}}' echo fits)" \
			$'coracle-oci: memory limit: too low for the container\'s init\nstatus 1'
}

# Half of a processor for two busy loops.
cpu() {
	local used since begin

	oci_start '{"resources": {"cpu": {"quota": 50000, "period": 100000}}}' \
		sh -c 'while :; do :; done & while :; do :; done' || return
	used() { sed -n 's/usage_usec //p' "$(group)/cpu.stat"; }
	since=$(used) begin=$(date +%s%N)
	sleep 2
	used=$((($(used) - since) * 100000 / ($(date +%s%N) - begin)))
	echo "used: $used %"
	[ "$used" -gt 20 ] && [ "$used" -lt 75 ]
}

pids() {
	local out

	out=$(oci_run '{"resources": {"pids": {"limit": 5}}}' sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 2 & done; wait')
	echo "$out"
	grep -q "can't fork" <<<"$out" &&
		same "$(oci_run '{"resources": {"pids": {"limit": 0}}}' echo alone)" $'alone\nstatus 0'
}

devices() {
	local out

	out=$(oci_run '{"resources": {"devices": [{"allow": false, "access": "rwm"}]},
		"devices": [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]}' head -c 1 /dev/kmsg)
	echo "$out"
	grep -q 'Operation not permitted' <<<"$out"
}

# --- all files ---

every_limit() {
	local disk

	disk=$(cat /sys/block/nvme0n1/dev)
	oci_start '{"resources": {
		"memory": {"limit": 40000000, "reservation": 20000000, "swap": 40000000},
		"cpu": {"shares": 1024, "quota": 30000, "period": 50000, "burst": 10000, "cpus": "1", "mems": "0"},
		"pids": {"limit": 7},
		"blockIO": {"throttleReadBpsDevice": [{"major": '"${disk%:*}"', "minor": '"${disk#*:}"', "rate": 1048576}],
			"throttleWriteIOPSDevice": [{"major": '"${disk%:*}"', "minor": '"${disk#*:}"', "rate": 100}]},
		"unified": {"memory.high": "30000000"}}}' sleep 1000 || return
	same "$(figure memory.max)" 39997440 && same "$(figure memory.low)" 19996672 &&
		same "$(figure cpu.weight)" 39 && same "$(figure cpu.max)" '30000 50000' &&
		same "$(figure cpu.max.burst)" 10000 && same "$(figure cpuset.cpus)" 1 &&
		same "$(figure pids.max)" 7 && same "$(figure memory.high)" 29999104 &&
		same "$(figure io.max)" "$disk rbps=1048576 wbps=max riops=max wiops=100"
}

# Up and down, and back when one of several is refused.
updates() {
	local pids low

	oci_start '{"resources": {"memory": {"limit": 40000000, "swap": 50000000}, "cpu": {"quota": 50000,
		"burst": 20000}}}' sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=10; sleep 1000' || return
	wait_for 20 sh -c "[ $(figure memory.current) -gt 10000000 ]" || true
	oci_update '{"memory": {"limit": 80000000, "swap": 80000000}}' && same "$(figure memory.max)" 79998976 &&
		same "$(figure memory.swap.max)" 0 &&
		oci_update '{"memory": {"limit": 30000000, "swap": 60000000}}' && same "$(figure memory.max)" 29999104 &&
		same "$(figure memory.swap.max)" 29999104 || return
	! oci_update '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' 2>~/said || return
	grep -q 'linux.resources.memory.limit: 4096, but [0-9]* bytes are in use' ~/said || { cat ~/said; return 1; }
	oci_update '{"cpu": {"quota": 10000, "burst": 5000}}' && same "$(figure cpu.max)" '10000 100000' &&
		oci_update '{"cpu": {"quota": 90000, "burst": 80000}}' && same "$(figure cpu.max.burst)" 80000 &&
		oci_update '{"cpu": {"idle": 1, "shares": 512}}' && same "$(figure cpu.idle)" 1 &&
		oci_update '{"cpu": {"idle": 0}}' && same "$(figure cpu.idle)" 0 && same "$(figure cpu.weight)" 20 || return
	pids=$(figure pids.max) low=$(figure memory.low)
	! oci_update '{"memory": {"reservation": 4096}, "pids": {"limit": 3}, "unified": {"memory.high": "x"}}' || return
	same "$(figure pids.max) $(figure memory.low)" "$pids $low"
}

# --- what is seen of them ---

events() {
	local pid

	oci_start '{"resources": {"memory": {"limit": 20000000, "swap": 20000000}}}' \
		sh -c 'sleep 4; tail /dev/zero; sleep 1000' || return
	coracle-oci events --interval 1s c >~/events &
	pid=$!
	wait_for 30 grep -q '"type":"oom"' ~/events
	kill $pid && wait $pid
	cat ~/events
	grep -q '"type":"oom","id":"c"' ~/events && oci events --stats c | python3 -c '
import json, sys
d = json.load(sys.stdin)["data"]
assert d["memory"]["usage"]["limit"] == 19996672, d
assert 0 < d["memory"]["usage"]["usage"] <= d["memory"]["usage"]["max"] <= 19996672, d
assert d["cpu"]["usage"]["total"] > 0 and d["pids"]["current"] > 0 and "anon" in d["memory"]["raw"], d'
}

# --- scopes ---

# show UNIT PROPERTY...: their values, on one line
show() {
	local p unit=$1

	shift
	for p; do
		"${SYSTEMCTL[@]}" show -P "$p" "$unit"
	done | paste -sd' '
}

scope() {
	oci_start '{"cgroupsPath": "coracle-test.slice:pre:c", "resources": {
		"memory": {"limit": 40960000, "reservation": 20480000, "swap": 40960000}, "pids": {"limit": 7},
		"cpu": {"shares": 1024, "quota": 30000, "period": 50000}},
		"annotations": {"org.systemd.property.TimeoutStopUSec": "uint64 7000000",
			"org.systemd.property.Documentation": "['"'man:a(1)'"']"}}' sleep 1000 || return
	case $(group) in
	*/coracle.slice/coracle-test.slice/pre-c.scope) ;;
	*) group; return 1 ;;
	esac
	same "$(show pre-c.scope ActiveState Slice MemoryMax MemoryLow MemorySwapMax TasksMax CPUWeight \
		CPUQuotaPerSecUSec CPUQuotaPeriodUSec TimeoutStopUSec Documentation Delegate DefaultDependencies)" \
		'active coracle-test.slice 40960000 20480000 0 7 39 600ms 50ms 7s "man:a(1)" yes no' &&
		same "$(figure memory.max)" 40960000 && same "$(figure cpu.max)" '30000 50000' &&
		oci_update '{"memory": {"limit": 81920000, "swap": 81920000}, "cpu": {"quota": 33333}}' &&
		same "$(show pre-c.scope MemoryMax CPUQuotaPerSecUSec)" '81920000 670ms' &&
		same "$(figure memory.max)" 81920000 && same "$(figure cpu.max)" '33333 50000' &&
		oci delete -f c && same "$(show pre-c.scope LoadState)" not-found
}

# Cloned beside the process that holds its place, and alone in the end.
scope_of_one_task() {
	local out

	out=$(oci_run '{"resources": {"pids": {"limit": 1}}}' sh -c 'cat /sys/fs/cgroup/pids.max; (:)')
	echo "$out"
	grep -q "can't fork" <<<"$out" || return
	oci_start '{"resources": {"pids": {"limit": 1}}}' sleep 1000 && same "$(figure pids.max)" 1 &&
		same "$(figure pids.current)" 1
}

# An init that does not know SIGTERM has as long as the annotation says.
scope_that_ends() {
	oci_start '{"annotations": {"org.systemd.property.TimeoutStopSec": "1"}}' sleep 1000 || return
	"${SYSTEMCTL[@]}" stop coracle-c.scope
	wait_for 10 sh -c 'coracle-oci state c | grep -q stopped' && oci delete c || return
	oci_start '{}' sleep 1000 && kill -KILL "$(init)" && wait_for 10 not_there coracle-c.scope && oci delete c
}
not_there() { [ "$(show "$1" LoadState)" = not-found ]; }

# Beside the pipes to coracle-scope.
preserved_descriptor() {
	bundle '{}' sh -c 'cat <&3'
	same "$(oci run --preserve-fds 1 -b ~/b c 3<<<kept)" kept
}

refused_units() {
	local out

	out=$(oci_run '{"cgroupsPath": "/a/b"}' true)
	grep -q "linux.cgroupsPath: '/a/b' is not slice:prefix:name" <<<"$out" || { echo "$out"; return 1; }
	out=$(oci_run '{"annotations": {"org.systemd.property.NoSuchThing": "true"}}' true)
	grep -q 'systemd: .*NoSuchThing' <<<"$out" || { echo "$out"; return 1; }
	not_there coracle-c.scope && ! oci state c
}

# Neither our own processes nor those that follow stay out of the scope.
exec_from_session() {
	oci_start '{}' sleep 1000 || return
	same "$(oci exec c cat /proc/self/cgroup)" 0::/ && same "$(figure pids.current)" 1
}

# For both, by functions that need SYSTEMCTL.
all_of_systemd='scope scope_of_one_task scope_that_ends preserved_descriptor refused_units'
# shellcheck disable=SC2086
declare -f same show wait_for not_there pids memory small exec_from_session $all_of_systemd >$VM/systemd.sh

dev_scope() { as_dev systemd "SYSTEMCTL=(systemctl --user); . $VM/systemd.sh; trap 'oci delete -f c' EXIT; $1"; }

dev_missing() {
	local out

	out=$(as_dev systemd "oci_run '{\"resources\": {\"cpu\": {\"cpus\": \"0\"}}}' true")
	echo "$out"
	grep -q "cpuset limit: controller 'cpuset' is not delegated" <<<"$out" && grep -q 'status 1' <<<"$out"
}

dev_without_bus() {
	local out

	out=$(as_dev systemd 'systemctl --user stop dbus.socket dbus.service; oci_run "{}" echo runs
		oci_run "{\"resources\": {\"pids\": {\"limit\": 5}}}" echo limited; systemctl --user start dbus.socket')
	echo "$out"
	grep -qx runs <<<"$out" && grep -q "^coracle-oci: D-Bus '/run/user/1000/bus'" <<<"$out" &&
		! grep -qx limited <<<"$out"
}

# An engine's shell in a scope that systemd delegated to it.
dev_cgroupfs() {
	local out

	out=$(as_dev cgroupfs 'systemd-run --user --scope -q -p Delegate=yes bash -c "
		export VM=$VM MANAGER=cgroupfs; . $VM/guest-oci.sh
		own=$TREE\$(sed -n s/^0:://p /proc/self/cgroup); mkdir \$own/shell && echo \$\$ >\$own/shell/cgroup.procs
		oci_run '"'{\\\"resources\\\": {\\\"pids\\\": {\\\"limit\\\": 5}}}'"' cat /sys/fs/cgroup/pids.max; ls \$own"')
	echo "$out"
	grep -qx 5 <<<"$out" && ! grep -q coracle-c <<<"$out"
}

test_root() {
	test_that "$MANAGER: $1" "$2"
	wait_for 60 oci delete -f c
}

test_root 'memory limit: killed' memory
test_root 'a megabyte is enough' small
test_root 'half a processor' cpu
test_root 'pids are refused' pids
test_root 'device rules' devices
test_root 'every limit is in its file' every_limit
test_root 'updates' updates
test_root 'events: figures, and a kill for memory' events
MANAGER=systemd SYSTEMCTL=(systemctl)
test_root 'memory limit: killed' memory
test_root 'half a processor' cpu
test_root 'device rules' devices
test_root 'every limit is in its file' every_limit
test_root 'updates' updates
test_root 'properties of a scope, changed, gone' scope
test_root 'a scope for one task' scope_of_one_task
test_root 'a scope that is stopped, or whose init dies' scope_that_ends
test_root 'a preserved descriptor' preserved_descriptor
test_root 'no unit for a path, no property of that name' refused_units
test_that 'dev: properties of a scope, changed, gone' dev_scope scope
test_that 'dev: pids are refused' dev_scope pids
test_that 'dev: memory limit: killed' dev_scope memory
test_that 'dev: half a megabyte is enough' dev_scope small
test_that 'dev: exec from a session' dev_scope exec_from_session
test_that 'dev: a scope for one task' dev_scope scope_of_one_task
test_that 'dev: a scope that is stopped, or whose init dies' dev_scope scope_that_ends
test_that 'dev: a preserved descriptor' dev_scope preserved_descriptor
test_that 'dev: no unit for a path, no property of that name' dev_scope refused_units
test_that 'dev: a controller that is not delegated is named' dev_missing
test_that 'dev: without a bus there is no scope, and no limit' dev_without_bus
test_that 'dev: cgroupfs beside an own cgroup' dev_cgroupfs
