#!/usr/bin/env bats
# Hooks of config.json at all six points (runtime-spec config.md "POSIX-platform Hooks").

load helper
load oci

POINTS='prestart createRuntime createContainer startContainer poststart poststop'

setup_file() { oci_setup; }

setup() {
	oci_begin
	cat >hook <<-'END'
	#!/bin/sh
	# hook DIR NAME [COMMAND]: keeps what it sees in DIR/NAME.*
	cat >$1/$2.state
	env | sort >$1/$2.env
	for n in mnt pid net ipc uts user; do readlink /proc/self/ns/$n; done >$1/$2.ns
	grep -E '^(SigBlk|SigIgn|SigCgt)' /proc/self/status >$1/$2.sig
	ls /proc/self/fd >$1/$2.fds
	echo $2 >>$1/order
	eval "$3"
	END
	chmod +x hook
}

teardown() { oci_end; }

# hook POINT [COMMAND [MORE]]: JQ for one more hook that runs it, with members MORE of JSON.
hook() {
	local dir=$PWD path=$PWD/hook

	if [ "$1" = startContainer ]; then
		dir=/host path=/host/hook
	fi
	jq -nr --arg p "$1" --arg path "$path" --arg dir "$dir" --arg c "${2-}" --argjson more "${3-"{}"}" \
		'".hooks.\($p) += [\({path: $path, args: ["hook", $dir, $p, $c]} + $more)]"'
}

HOST='.mounts += [{destination: "/host", type: "bind", source: "DIR", options: ["bind"]}]'
host() { echo "${HOST/DIR/$PWD}"; }

# with_hooks COMMAND JQ...: a bundle in which COMMAND runs
with_hooks() {
	local words=$1 all

	shift
	all=$(printf ' | %s' "$@")
	script "$words" "$(host)$all"
}

all_hooks() {
	local p

	for p in $POINTS; do
		hook "$p"
	done
}

ns_of() {
	for n in mnt pid net ipc uts user; do readlink "/proc/$1/ns/$n"; done
}

# state_has NAME JQ: what the hook was told.
state_has() {
	jq -e --argjson pid "${PID:-0}" "$2" "$1.state" >/dev/null || { echo "$1:"; cat "$1.state"; return 1; }
}

# field: hooks.prestart
# field: hooks.createRuntime
# field: hooks.createContainer
# field: hooks.startContainer
# field: hooks.poststart
# field: hooks.poststop
@test "all six points: order, namespaces, state" {
	mapfile -t hooks < <(all_hooks)
	with_hooks 'sleep 1000' "${hooks[@]}" '.annotations = {"k": "v"}'
	created a
	[ "$(tr '\n' ' ' <order)" = 'prestart createRuntime createContainer ' ]
	PID=$(init_of a)
	oci start a
	[ "$(tr '\n' ' ' <order)" = 'prestart createRuntime createContainer startContainer poststart ' ]
	ns_of "$PID" >init.ns
	ns_of self >own.ns
	for p in prestart createRuntime poststart; do
		cmp $p.ns own.ns
	done
	for p in createContainer startContainer; do
		cmp $p.ns init.ns
	done
	for p in prestart createRuntime createContainer; do
		state_has $p '.status == "creating" and .pid == $pid'
	done
	state_has startContainer '.status == "created" and .pid == $pid'
	state_has poststart '.status == "running" and .pid == $pid'
	oci delete -f a
	[ "$(tail -n 1 order)" = poststop ]
	cmp poststop.ns own.ns
	state_has poststop '.status == "stopped" and .pid == 0'
	for p in $POINTS; do
		state_has $p '.id == "a" and .ociVersion == "1.3.0" and .annotations == {"k": "v"}'
		[ "$(jq -r .bundle $p.state)" = "$B" ]
	done
	[ "$(wc -l <order)" -eq 6 ]
}

# field: hooks.*.path
# field: hooks.*.args
@test "path and args; several run in their order" {
	with_hooks true "$(hook createRuntime 'echo one >>order')" "$(hook createRuntime 'echo "two $0" >>order')" \
		'.hooks.createRuntime += [{path: "/bin/true"}]' '.hooks.prestart = [{path: "/bin/true"}]'
	ok oci run -b "$B" a
	[ "$(tr '\n' ' ' <order)" = "createRuntime one createRuntime two $PWD/hook " ]
	with_hooks true '.hooks.prestart = [{path: "relative"}]'
	fails 1 oci run -b "$B" a
	output_has "hook 'relative'.*not absolute"
	with_hooks true '.hooks.prestart = [{args: ["x"]}]'
	fails 1 oci run -b "$B" a
	output_has path
}

# field: hooks.*.env
@test "env: what is given and nothing else; without it the runtime's own outside, nothing inside" {
	for p in $POINTS; do
		hook $p '' '{"env": ["A=1", "PATH=/bin:/usr/bin"]}'
	done >hooks
	mapfile -t hooks <hooks
	with_hooks true "${hooks[@]}"
	SECRET=x ok oci run -b "$B" a
	for p in $POINTS; do
		[ "$(grep -vE '^(PWD|SHLVL|_|OLDPWD)=' $p.env | tr '\n' ' ')" = 'A=1 PATH=/bin:/usr/bin ' ]
	done
	mapfile -t hooks < <(all_hooks)
	with_hooks true "${hooks[@]}"
	SECRET=x ok oci run -b "$B" a
	for p in prestart createRuntime poststart poststop; do
		grep -q '^SECRET=x' $p.env
	done
	for p in createContainer startContainer; do
		no grep -vE '^(PATH|PWD|SHLVL|_|OLDPWD)=' $p.env
	done
}

@test "a hook has three descriptors, and no signal is blocked" {
	mapfile -t hooks < <(all_hooks)
	with_hooks true "${hooks[@]}"
	for how in run 'run -d'; do
		oci $how -b "$B" a </dev/null >a.log 2>&1 3>&- 7</etc/passwd
		[ "$how" = run ] || { ends a; oci delete a; }
		for p in $POINTS; do
			[ "$(grep -cE '^[0-9]+$' $p.fds)" -le 4 ]
			no grep -q '^[4-9]' $p.fds
			grep -q '^SigBlk:	0*$' $p.sig
		done
	done
}

@test "a state larger than a pipe" {
	with_hooks true "$(hook createRuntime)" "$(hook startContainer)" \
		'.annotations = {"big": ("x" * 300000)}'
	ok oci run -b "$B" a
	state_has createRuntime '.annotations.big | length == 300000'
	state_has startContainer '.annotations.big | length == 300000'
}

@test "a hook that does not read its input" {
	with_hooks 'echo done' '.hooks.createRuntime = [{path: "/bin/true"}]' '.annotations = {"big": ("x" * 300000)}'
	ok oci run -b "$B" a
	output_is 'done'
}

# field: hooks.*.timeout
@test "timeout" {
	for p in prestart createRuntime createContainer; do
		rm -f order
		with_hooks 'echo never' "$(hook $p 'sleep 1000' '{"timeout": 1}')" "$(hook poststop)"
		fails 1 oci run -b "$B" a
		output_has "hook.*timed out"
		output_lacks never
		[ "$(tr '\n' ' ' <order)" = "$p poststop " ]
	done
	with_hooks 'echo never' "$(hook startContainer 'sleep 1000' '{"timeout": 1}')"
	fails 1 oci run -b "$B" a
	output_has "hook.*timed out"
	with_hooks true '.hooks.prestart = [{path: "/bin/true", timeout: 0}]'
	fails 1 oci run -b "$B" a
	output_has timeout
}

@test "before the end of create a hook that fails undoes it" {
	for p in prestart createRuntime createContainer; do
		rm -f order
		with_hooks 'echo never' "$(hook $p 'exit 3')" "$(hook $p)" "$(hook startContainer)" "$(hook poststop)"
		fails 1 oci create -b "$B" a
		output_has "hook '$PWD/hook'"
		[ "$(tr '\n' ' ' <order)" = "$p poststop " ]
		[ -z "$(ls "$OCI")" ]
		silent inside
	done
	with_hooks true '.hooks.prestart = [{path: "/no/such/hook"}]'
	fails 1 oci create -b "$B" a
	output_has '/no/such/hook'
}

@test "startContainer that fails: the program does not run, the container has ended" {
	with_hooks 'echo never' "$(hook startContainer 'exit 3')" "$(hook poststart)" "$(hook poststop)"
	created a
	fails 1 oci start a
	output_has "hook '/host/hook'"
	ends a
	[ ! -s a.log ]
	[ "$(tr '\n' ' ' <order)" = 'startContainer ' ]
	ok oci delete a
	[ "$(tr '\n' ' ' <order)" = 'startContainer poststop ' ]
	fails 1 oci run -b "$B" a
	output_lacks never
	silent oci list -q
}

@test "poststart that fails stops the container" {
	with_hooks 'sleep 1000' "$(hook poststart 'exit 3')" "$(hook poststop)"
	created a
	fails 1 oci start a
	output_has "hook '$PWD/hook'"
	ends a
	ok oci delete a
	[ "$(tr '\n' ' ' <order)" = 'poststart poststop ' ]
	fails 1 oci run -b "$B" a
	fails 1 oci run -d -b "$B" a
	silent oci list -q
}

@test "poststop that fails is a warning, and the next ones run" {
	with_hooks true "$(hook poststop 'exit 3')" "$(hook poststop 'echo second >>order')"
	ok oci run -b "$B" a
	output_has "hook '$PWD/hook'"
	[ "$(tail -n 1 order)" = second ]
	silent oci list -q
}

@test "a hook may ask for the state" {
	local ask="coracle-oci --root $OCI state a | jq -r .status >>order"
	with_hooks 'sleep 1000' "$(hook createRuntime "$ask")" "$(hook poststart "$ask")"
	created a
	oci start a
	[ "$(tr '\n' ' ' <order)" = 'createRuntime creating poststart running ' ]
}

@test "delete --force does not wait for a hook that hangs at the start" {
	for p in startContainer poststart; do
		rm -f order
		with_hooks 'sleep 1000' "$(hook $p 'echo $$ >'"$([ $p = poststart ] && echo "$PWD" || echo /host)"'/hookpid; exec sleep 1000')"
		created a
		behind s.log start a
		wait_for 5 test -s hookpid
		ok timeout 5 coracle-oci --root "$OCI" delete --force a
		[ $p = startContainer ] || kill "$(cat hookpid)"
		no wait $!
		rm hookpid
	done
}

@test "what a hook changes in the container's namespaces is there" {
	with_hooks 'hostname; cat /run/made' "$(hook createContainer 'hostname changed')" \
		'.mounts += [{destination: "/run", type: "tmpfs"}]' "$(hook startContainer 'echo by-a-hook >/run/made')"
	ok oci run -b "$B" a
	output_is $'changed\nby-a-hook'
}
