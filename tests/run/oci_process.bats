#!/usr/bin/env bats
# What config.json says of the process, from its text to what the process sees.

load helper
load oci

setup_file() { oci_setup; }
setup() { oci_begin; }
teardown() { oci_end; }

refused() {
	fails 1 oci run -b "$B" box
	output_has "$1"
	[ -z "$(oci list -q)" ]
}

# field: process.scheduler
# field: process.ioPriority
# field: process.oomScoreAdj
# field: process.rlimits
# field: process.user.umask
# field: linux.personality
# field: linux.memoryPolicy
# field: linux.timeOffsets
@test "scheduling, limits, clocks, and what else a process has" {
	bundle '.process.args = ["sh", "-c", "cut -d\" \" -f19,41 /proc/self/stat; ionice -p $$;
			cat /proc/self/oom_score_adj; ulimit -n; umask; cat /proc/self/personality;
			cut -d\" \" -f2 /proc/self/numa_maps | head -n 1; cat /proc/self/timens_offsets | tr -s \" \""] |
		.process.scheduler = {"policy": "SCHED_BATCH", "nice": 19, "flags": ["SCHED_FLAG_RESET_ON_FORK"]} |
		.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 7} |
		.process.oomScoreAdj = 900 |
		.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 100}] |
		.process.user.umask = 63 |
		.linux.personality = {"domain": "LINUX32"} |
		.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0"} |
		.linux.namespaces += [{"type": "time"}] |
		.linux.timeOffsets = {"boottime": {"secs": 86400, "nanosecs": 5}}'
	ok oci run -b "$B" box
	output_is "19 3
best-effort: prio 7
900
99
0077
00000008
bind:0
monotonic 0 0
boottime 86400 5"
}

# field: process.capabilities
@test "a capability that nobody knows is a warning" {
	bundle '.process.args = ["grep", "CapEff", "/proc/self/status"] |
		.process.capabilities |= map_values(["CAP_KILL", "CAP_TO_FLY"])'
	ok oci run -b "$B" box
	output_has "process.capabilities: 'CAP_TO_FLY' is not known and not given"
	output_has 'CapEff:	0000000000000020'
}

# field: process.execCPUAffinity
@test "exec runs where execCPUAffinity says, with the container's personality" {
	bundle '.process.args = ["sleep", "60"] | .linux.personality = {"domain": "LINUX32"} |
		.process.execCPUAffinity = {"initial": "0", "final": "0"}'
	started box
	ok oci exec box sh -c 'grep Cpus_allowed_list /proc/self/status; cat /proc/self/personality'
	output_is "Cpus_allowed_list:	0
00000008"
}

# field: ociVersion (1.x)
# refused: linux.netDevices (move network device 'lo': Operation not permitted)
# refused: linux.intelRdt (linux.intelRdt: not supported)
@test "what cannot be is refused by name, and nothing is left" {
	bundle '.ociVersion = "2.0.0"'
	refused "ociVersion '2.0.0': not version 1 of the specification"
	bundle '.linux.netDevices = {"lo": {"name": "eth7"}}'
	refused "move network device 'lo': Operation not permitted"
	bundle '.linux.intelRdt = {"closID": "x"}'
	refused 'linux.intelRdt: not supported'
	bundle '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 1}'
	refused 'set scheduler SCHED_FIFO: Operation not permitted'
	bundle '.linux.timeOffsets = {"boottime": {"secs": 1}}'
	refused 'linux.timeOffsets: need a new time namespace'
}

# field: linux.seccomp.listenerPath
# field: linux.seccomp.listenerMetadata
@test "start and exec tell the agent of a seccomp profile, or fail" {
	local socket=$BATS_TEST_TMPDIR/agent

	script 'mkdir /tmp/x; echo ends; sleep 60' ".linux.seccomp = {
		\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"$socket\", \"listenerMetadata\": \"mine\",
		\"syscalls\": [{\"names\": [\"mkdir\"], \"action\": \"SCMP_ACT_NOTIFY\"}]}"
	created box
	fails 1 oci start box
	output_has "seccomp listener '$socket': connect: No such file or directory"
	wait_for 5 has_status box stopped
	silent grep ends box.log
	oci delete box

	"$ROOT/tests/run/agent.py" "$socket" 2 >told 3>&- &
	wait_for 5 test -S "$socket"
	started box
	wait_for 5 grep -q ends box.log
	grep 'Disk quota exceeded' box.log
	fails 1 oci exec box mkdir /tmp/y
	output_has 'Disk quota exceeded'
	jq -es --argjson pid "$(init_of box)" --arg b "$B" 'length == 2 and
		all(.metadata == "mine" and .state.id == "box" and .state.bundle == $b and .state.pid == $pid) and
		.[0].pid == $pid and .[0].state.status == "created" and
		.[1].pid != $pid and .[1].state.status == "running"' told
	oci delete --force box
	wait
}
