#!/usr/bin/env bats
# Completion: what the program offers, and that each shell's glue passes it on.

load helper
setup() { coracle_setup; }

complete() { coracle __complete -- "$@"; }

@test "every option of every command completes" {
	while read -r command; do
		for option in $(coracle $command --help | sed -n '/^ *\$ /d; s/^ .*\(--[a-z][a-z0-9-]*\).*/\1/p'); do
			complete $command "$option" | cut -f 1 | grep -qx -e "$option" ||
				{ echo "$command: $option does not complete"; return 1; }
		done
	done < <(coracle __doc list)
}

@test "every command completes" {
	while read -r command; do
		set -- $command
		last=${*: -1}
		complete "${@:1:$#-1}" "$last" | cut -f 1 | grep -qx -e "$last" ||
			{ echo "$command does not complete"; return 1; }
	done < <(coracle __doc list)
	[ -z "$(complete "" | grep '^__')" ]
}

@test "choices, in both spellings" {
	[ "$(complete run --pull n)" = $'newer\nnever' ]
	[ "$(complete run --pull=n)" = $'--pull=newer\n--pull=never' ]
	[ "$(complete completion '')" = $'bash\nzsh\nfish' ]
}

@test "files, and what is nobody's business" {
	[ "$(complete load -i '')" = :files ]
	[ -z "$(complete run image '')" ]
	[ -z "$(complete run image --he)" ]
	[ -z "$(complete no-such-command '')" ]
	complete
}

@test "live names, and no store made for them" {
	[ -z "$(complete volume rm '')" ]
	[ -z "$(ls "$XDG_DATA_HOME")" ]
	coracle volume create completion-one > /dev/null
	[ "$(complete volume rm c)" = completion-one ]
	[ "$(complete -n other volume rm c)" = "" ]
	coracle load -q -i "$B/demo/image.tar" > /dev/null
	[ "$(complete run coracle.l)" = coracle.local/demo:latest ]
	[ "$(complete -n d)" = "" ] || [ "$(complete -n d)" = default ]
}

@test "at most 20 ms" {
	coracle volume create x > /dev/null
	limit=20000
	[[ $B != */asan ]] || limit=1000000	# sanitizers take their time
	# The quickest of fifty: other load only adds to it.
	for i in {1..50}; do
		begin=$EPOCHREALTIME
		complete volume rm '' > /dev/null
		took=$((${EPOCHREALTIME/./} - ${begin/./}))
		echo "$took us"
		[ $took -ge $limit ] || return 0
	done
	return 1
}

@test "completion prints the files" {
	for shell in bash zsh fish; do
		coracle completion $shell | cmp - "$BATS_TEST_DIRNAME/../../completion/coracle.$shell"
	done
	fails 1 coracle completion tcsh
}

@test "bash" {
	cat > glue <<-'END'
	eval "$(coracle completion bash)"
	try() {
		COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
		_coracle coracle "$2" ""
		printf '%s\n' "${COMPREPLY[@]}"
	}
	compopt() { :; }
	try "coracle run --pull n" n
	try "coracle run --pull=n" n
	try "coracle comple" comple
	END
	[ "$(bash glue)" = $'newer\nnever\nnewer\nnever\ncompletion' ]
}

@test "zsh" {
	command -v zsh > /dev/null || skip "no zsh"
	coracle completion zsh > _coracle
	zsh -n _coracle
	cat > glue <<-'END'
	compdef() { : }
	compadd() { print -l -- $names }
	source ./_coracle
	words=(coracle run --pull n) CURRENT=4
	_coracle
	END
	[ "$(zsh -f glue)" = $'newer\nnever' ]
}

@test "fish" {
	command -v fish > /dev/null || skip "no fish"
	coracle completion fish > coracle.fish
	[ "$(fish -c 'source coracle.fish; complete -C "coracle run --pull n"' | sort)" = $'never\nnewer' ]
}
