#!/usr/bin/env bats
# What config.json says of the process, from its text to what the process sees.

load helper

setup_file() {
	coracle_setup busybox
	export BUNDLE=$BATS_FILE_TMPDIR/bundle
	local layer

	mkdir -p "$BUNDLE/rootfs"
	for layer in $(tar -xOf "$IMAGES/busybox.tar" manifest.json | jq -r '.[0].Layers[]'); do
		tar -xOf "$IMAGES/busybox.tar" "$layer" | tar -x -C "$BUNDLE/rootfs"
	done
}
teardown_file() { coracle_teardown; }

# config JQ-PROGRAM: of a bundle as `spec` makes it, without a terminal
config() {
	rm -f "$BUNDLE/config.json"
	coracle-oci spec --rootless -b "$BUNDLE"
	jq ".process.terminal = false | $1" "$BUNDLE/config.json" >"$BUNDLE/new"
	mv "$BUNDLE/new" "$BUNDLE/config.json"
}

runs() {
	ok coracle-oci run -b "$BUNDLE" "box$BATS_TEST_NUMBER"
}

refused() {
	fails 1 coracle-oci run -b "$BUNDLE" "box$BATS_TEST_NUMBER"
	output_has "$1"
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
	config '.process.args = ["sh", "-c", "cut -d\" \" -f19,41 /proc/self/stat; ionice -p $$;
			cat /proc/self/oom_score_adj; ulimit -n; umask; cat /proc/self/personality;
			cut -d\" \" -f2 /proc/self/numa_maps | head -n 1; cat /proc/self/timens_offsets | tr -s \" \""] |
		.process.scheduler = {"policy": "SCHED_BATCH", "nice": 4, "flags": ["SCHED_FLAG_RESET_ON_FORK"]} |
		.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 7} |
		.process.oomScoreAdj = 900 |
		.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 100}] |
		.process.user.umask = 63 |
		.linux.personality = {"domain": "LINUX32"} |
		.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0"} |
		.linux.namespaces += [{"type": "time"}] |
		.linux.timeOffsets = {"boottime": {"secs": 86400, "nanosecs": 5}}'
	runs
	output_is "4 3
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
	config '.process.args = ["grep", "CapEff", "/proc/self/status"] |
		.process.capabilities |= map_values(["CAP_KILL", "CAP_TO_FLY"])'
	runs
	output_has "process.capabilities: 'CAP_TO_FLY' is not known and not given"
	output_has 'CapEff:	0000000000000020'
}

# field: process.execCPUAffinity
@test "exec runs where execCPUAffinity says, with the container's personality" {
	config '.process.args = ["sleep", "60"] | .linux.personality = {"domain": "LINUX32"} |
		.process.execCPUAffinity = {"initial": "0", "final": "0"}'
	coracle-oci create -b "$BUNDLE" affine >/dev/null 2>&1 3>&-
	coracle-oci start affine
	ok coracle-oci exec affine sh -c 'grep Cpus_allowed_list /proc/self/status; cat /proc/self/personality'
	output_is "Cpus_allowed_list:	0
00000008"
	coracle-oci delete -f affine
}

# field: ociVersion (1.x)
# refused: linux.netDevices (move network device 'lo': Operation not permitted)
# refused: linux.intelRdt (linux.intelRdt: not supported)
@test "what cannot be is refused by name, and nothing is left" {
	config '.ociVersion = "2.0.0"'
	refused "ociVersion '2.0.0': not version 1 of the specification"
	config '.linux.netDevices = {"lo": {"name": "eth7"}}'
	refused "move network device 'lo': Operation not permitted"
	config '.linux.intelRdt = {"closID": "x"}'
	refused 'linux.intelRdt: not supported'
	config '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 1}'
	refused 'set scheduler SCHED_FIFO: Operation not permitted'
	config '.linux.timeOffsets = {"boottime": {"secs": 1}}'
	refused 'linux.timeOffsets: need a new time namespace'
	[ -z "$(coracle-oci list -q)" ]
}
