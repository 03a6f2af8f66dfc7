#!/usr/bin/env bats
# Every command of the table, by the table: nothing here names one that could
# be forgotten.

load helper
bats_require_minimum_version 1.5.0
setup() { coracle_setup; }

@test "every command explains itself on stdout only" {
	while read -r command; do
		coracle $command --help > out 2> err || { echo "$command --help: status $?"; return 1; }
		[ ! -s err ] || { echo "$command --help says on stderr: $(cat err)"; return 1; }
		head -n 1 out | grep -q "^usage: coracle $command" || { echo "$command: $(head -n 1 out)"; return 1; }
		# Docker's letter for --hostname.
		grep -q '^  -h, ' out || cmp out <(coracle $command -h)
	done < <(coracle __doc list)
}

@test "the overview names every command" {
	coracle -h > out
	while read -r command; do
		grep -q "^  $command " out || { echo "$command is not in the overview"; return 1; }
	done < <(coracle __doc list)
}

@test "a group lists its commands" {
	while read -r group; do
		coracle "$group" --help >out
		grep -q "^usage: coracle $group COMMAND" out
		cmp out <(coracle "$group" -h)
		while read -r command; do
			grep -q "^  $command " out || { echo "$command is not in the list"; return 1; }
		done < <(coracle __doc list | grep "^$group ")
		fails 2 coracle "$group"
		[[ $said == *"a command of '$group' is missing"*"'coracle $group -h'"* ]]
		fails 2 coracle "$group" no-such
		[[ $said == *"'$group no-such' is not a command"* ]]
	done < <(coracle __doc list | sed -n 's/ .*//p' | sort -u | grep -vx ctr)
	coracle image -h | grep -q '^  image ls '
}

@test "an option nobody knows is refused with status 2 and the option's name" {
	while read -r command; do
		fails '2|125' coracle $command --no-such-option
		[[ $said == *--no-such-option* ]] || { echo "$command: $said"; return 1; }
		fails '2|125' coracle $command -%
	done < <(coracle __doc list)
}

@test "a bad choice is refused and the choices are named" {
	checked=0
	while read -r command; do
		while read -r option choices; do
			fails '2|125' coracle $command "$option=no-such-choice"
			for c in ${choices//|/ }; do
				[[ $said == *"$c"* ]] || { echo "$command $option: '$c' not in: $said"; return 1; }
			done
			checked=$((checked + 1))
		done < <(coracle $command --help | sed -n 's/^ .*\(--[a-z-]*\) \([a-z][a-z-]*|[a-z|-]*\).*/\1 \2/p')
	done < <(coracle __doc list)
	[ $checked -gt 2 ]
}

@test "the manual pages are clean" {
	command -v mandoc > /dev/null || skip "no mandoc"
	coracle __doc man > coracle.1
	while read -r command; do
		coracle __doc man "$command" > "coracle-${command// /-}.1"
	done < <(coracle __doc list)
	mandoc -T lint -W error coracle*.1
}

@test "the table as JSON is JSON, and has every command" {
	command -v jq > /dev/null || skip "no jq"
	diff <(coracle __doc json | jq -r .name) <(coracle __doc list)
}

@test "usage errors" {
	fails 2 coracle
	fails 2 coracle no-such-command
	[[ $said == *"'no-such-command' is not a command"*"'coracle -h' lists"* ]]
	fails 2 coracle --no-such-option version
	fails 2 coracle version operand
	fails 2 coracle -n 'bad/name' version
	fails 2 coracle -n
}

@test "a full or closed stdout is an error" {
	[ -e /dev/full ] || skip "no /dev/full"
	run -3 bash -c 'coracle version > /dev/full'
	run -3 bash -c 'coracle version >&-'
}

@test "version" {
	[[ $(coracle version) == "coracle "[0-9]* ]]
	[ "$(coracle --version)" = "$(coracle version)" ]
	[ "coracle $(coracle version --format '{{.Client.Version}}')" = "$(coracle version)" ]
	fails 1 coracle version --format '{{.Client.Nothing}}'
}

@test "version makes nothing" {
	coracle version
	[ -z "$(find "$XDG_DATA_HOME" "$XDG_RUNTIME_DIR" -mindepth 1)" ]
	[ ! -e "$XDG_CACHE_HOME" ]
}

@test "info and doctor" {
	[ "$(coracle info --format '{{.DockerRootDir}}')" = "$XDG_DATA_HOME/coracle" ]
	[ "$(coracle info --format '{{.Containers}}')" = 0 ]
	run coracle doctor
	[ "$status" -le 1 ]
	[[ ${lines[0]} == *"user namespaces"* ]]
	[ "$(coracle doctor --format '{{.CanRun}}' || true)" = "$([ "$status" = 0 ] && echo true || echo false)" ]
	# Each thing that is not as it should be has a reason.
	[ -z "$(coracle doctor --format '{{range .Checks}}{{if not .Reason}}{{.Name}}{{end}}{{end}}')" ]
}

@test "doctor says which thing is absent" {
	unshare -Ur true 2> /dev/null || skip "no user namespaces"
	unset XDG_RUNTIME_DIR
	export TMPDIR=$BATS_TEST_TMPDIR
	[ ! -w "/run/user/$(id -u)" ] || skip "this user has a runtime directory"
	coracle doctor --format '{{range .Checks}}{{println .Name .Verdict}}{{end}}' > out || true
	grep -qx 'runtime directory lower' out
}

@test "doctor without user namespaces fails and names the switch" {
	unshare -Ur true 2> /dev/null || skip "no user namespaces"
	run -1 unshare -Ur bash -c 'echo 0 > /proc/sys/user/max_user_namespaces && coracle doctor'
	[[ $output == *"user.max_user_namespaces"* ]]
	[[ $output == *"-> sudo sysctl -w user.max_user_namespaces="* ]]
}
