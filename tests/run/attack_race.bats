#!/usr/bin/env bats
# RELIABILITY B1, H9: somebody exchanges names in a tree while mounts are placed in it.
#
# ATTACK_ROUNDS says how often each race is run; a release runs 10000.

load helper

ROUNDS=${ATTACK_ROUNDS:-60}

setup_file() {
	need jq
	coracle_setup
	export HOSTILE=$BATS_FILE_TMPDIR/hostile
	${CC:-cc} -std=gnu17 -O1 -static -s -D_GNU_SOURCE -o "$HOSTILE" "$ROOT/tests/run/hostile.c"
}

# A bundle whose volume vol is mounted at /m, and x below it at /m/a/b, while a and a link change
# places all the time.  What the link names is a canary outside, and inside a directory like a.
setup() {
	W=$BATS_TEST_TMPDIR BOX=race-$BATS_TEST_NUMBER-$$
	mkdir -p "$W"/bundle/rootfs/{bin,proc,sys,dev,tmp,m} "$W"/vol/a/{b,t} "$W"/{x,state,victim/b,victim/t}
	mkdir -p "$W/bundle/rootfs$W"/victim/{b,t}
	cp "$(command -v busybox)" "$W/bundle/rootfs/bin/busybox"
	echo untouched >"$W/victim/b/file"
	ln -s "$W/victim" "$W/vol/out"
	ln -s ../../../../../../../../../../../.."$W/victim" "$W/vol/up"
	(cd "$W/bundle" && coracle-oci spec --rootless && jq --arg w "$W" '
		.process.terminal = false | .process.args = ["/bin/busybox", "true"] |
		.mounts += [
			{destination: "/m", type: "bind", source: ($w + "/vol"), options: ["rbind"]},
			{destination: "/m/a/b", type: "bind", source: ($w + "/x"), options: ["bind"]},
			{destination: "/m/a/t", type: "tmpfs", source: "t", options: ["size=64k"]}]
		' config.json >new && mv new config.json)
}

teardown() {
	touch "$W/stop"
	oci delete -f "$BOX"
}

oci() {
	coracle-oci --root "$W/state" "$@"
}

# What nobody may change: the canary and the host's mounts.
canary() {
	find "$W/victim" -printf '%M %U %G %s %T@ %P\n' | sort
	grep -F "$W" /proc/self/mountinfo || true
}

# Where x is mounted, which is once in what the container can reach: so it did not go elsewhere.
placed() {
	local x="${W#"$BATS_RUN_TMPDIR"}/x"
	awk -v x="$x" 'substr($4, length($4) - length(x) + 1) == x { print $5; n++ } END { exit n != 1 }' \
		"/proc/$(<"$W/pid")/mountinfo" || { cat "/proc/$(<"$W/pid")/mountinfo"; return 1; }
}

# race LINK: as many creations, of which those that are refused are counted in REFUSED.  It was a
# race when mounts went both to the directory and to what the link means inside.
race() {
	local before i place entered=0 followed=0
	before=$(canary)
	REFUSED=0
	"$HOSTILE" swap "$W/vol/a" "$W/vol/$1" "$W/stop" >"$W/swaps" &
	for ((i = 0; i < ROUNDS; i++)); do
		if oci create -b "$W/bundle" --pid-file "$W/pid" "$BOX" >>"$W/said" 2>&1 </dev/null; then
			place=$(placed)
			case $place in
			/m/*/b) entered=$((entered + 1)) ;;
			"$W/victim/b") followed=$((followed + 1)) ;;
			*) echo "x is at $place"; return 1 ;;
			esac
			oci delete -f "$BOX"
		else
			REFUSED=$((REFUSED + 1))
		fi
		[ $((i % 100)) -ne 0 ] || [ "$(canary)" = "$before" ]
	done
	touch "$W/stop"
	wait
	[ "$(canary)" = "$before" ]
	sort "$W/said" | uniq -c
	echo "# figures: link $1: $ROUNDS creations, $REFUSED refused, $entered in the directory, $followed behind" \
		"the link, $(sed -n 's/done //p' "$W/swaps") swaps, no escape" >&3
	[ "$entered" -gt 0 ]
	[ "$followed" -gt 0 ]
	grep -q 'done [1-9]' "$W/swaps"
}

@test "B1: a directory and an absolute link change places: nothing leads out, nothing fails" {
	race out
	[ "$REFUSED" -eq 0 ]
}

@test "B1: a directory and a link upwards" {
	race up
	[ "$REFUSED" -eq 0 ]
}

@test "B3: what is restricted is so, or the creation is refused" {
	jq '.linux.maskedPaths += ["/m/a/b/file"] | .linux.readonlyPaths += ["/m/a/t"]' \
		"$W/bundle/config.json" >"$W/new" && mv "$W/new" "$W/bundle/config.json"
	race out
	[ "$REFUSED" -lt "$ROUNDS" ]
	silent grep -v "verify that '/m/a/" "$W/said"
}
