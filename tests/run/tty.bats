#!/usr/bin/env bats
# Containers with a terminal: seen through tmux, which is one.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }

setup() {
	need tmux
	TMUX_TMPDIR=$BATS_TEST_TMPDIR
	export TMUX_TMPDIR
	unset TMUX
	tmux -L t -f /dev/null new-session -d -c "$BATS_TEST_TMPDIR" -x 90 -y 25 "PS1='host> ' sh"
	wait_for 5 screen_has 'host>'
}

teardown() {
	tmux -L t kill-server || true
	coracle rm -f -a >/dev/null
}

type_in() { tmux -L t send-keys "$@"; }
screen_has() { tmux -L t capture-pane -p | grep -qE -- "$1"; }
# Somebody reads key by key: a client is attached.
is_raw() { stty -F "$(tmux -L t display-message -p '#{pane_tty}')" | grep -q -- -icanon; }

@test "run -it: a shell on a terminal of our size" {
	type_in 'coracle run -it --rm --network none busybox sh' Enter
	wait_for 5 screen_has '^/ #'
	type_in 'tty; stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all$((1+1))' Enter
	wait_for 5 screen_has '/dev/(pts/0|console)'
	wait_for 5 screen_has '^25 90'
	wait_for 5 screen_has '^all2'
	type_in 'echo TERM=$TERM; exit 7' Enter
	wait_for 5 screen_has 'TERM=[a-z]'
	wait_for 5 screen_has 'host> *$'
	type_in 'echo code=$?' Enter
	wait_for 5 screen_has 'code=7'
}

@test "the terminal is sane afterwards" {
	type_in 'stty -g >before; coracle run -it --rm --network none busybox true; stty -g >after; cmp before after && echo same$((1+1))' Enter
	wait_for 5 screen_has same2
}

@test "a resize reaches the container" {
	type_in "coracle run -it --rm --network none busybox sh -c 'trap \"stty size\" WINCH; echo set; while :; do sleep 0.05; done'" Enter
	wait_for 5 screen_has '^set'
	tmux -L t resize-window -x 70 -y 20
	wait_for 5 screen_has '^20 70'
}

# is_in_front MARK: it runs, in the foreground of its terminal.
is_in_front() { ps -o stat= -p "$(pid_of "$1")" | grep -q '^S.*+'; }

@test "job control: ctrl-c and ctrl-z go to the shell inside" {
	local m
	m=$(mark)
	type_in 'coracle run -it --rm --network none busybox sh' Enter
	wait_for 5 screen_has '^/ #'
	type_in "sleep $m" Enter
	wait_for 5 is_in_front "$m"
	type_in C-z
	wait_for 5 screen_has 'Stopped'
	type_in 'fg' Enter
	wait_for 5 is_in_front "$m"
	type_in C-c
	type_in 'echo alive$((1+1))' Enter
	wait_for 5 screen_has 'alive2'
}

@test "the detach keys leave it running, attach comes back" {
	type_in 'coracle run -it --name shell --network none busybox sh' Enter
	wait_for 5 screen_has '^/ #'
	type_in 'echo one$((1+1))' Enter
	wait_for 5 screen_has one2
	type_in C-p C-q
	wait_for 5 screen_has 'host> *$'
	is_state shell running
	type_in 'clear; coracle attach shell' Enter
	wait_for 5 is_raw
	type_in 'echo two$((1+1))' Enter
	wait_for 5 screen_has two2
	type_in 'exit 3' Enter
	wait_for 5 screen_has 'host> *$'
	type_in 'echo code=$?' Enter
	wait_for 5 screen_has 'code=3'
}

@test "--detach-keys are others, or none" {
	type_in "coracle run -it --name other --detach-keys ctrl-x,x --network none busybox sh" Enter
	wait_for 5 screen_has '^/ #'
	type_in C-x x
	wait_for 5 screen_has 'host> *$'
	is_state other running
	fails 125 bb --detach-keys ctrl-nonsense busybox true
}

@test "exec -it has a terminal of its own" {
	coracle run -d --name box --network none busybox sleep 100000
	type_in 'coracle exec -it box sh' Enter
	wait_for 5 screen_has '/ #'
	type_in 'stty size; exit 5' Enter
	wait_for 5 screen_has '^25 90'
	type_in 'echo code=$?' Enter
	wait_for 5 screen_has 'code=5'
}

@test "run -dt gives a terminal that attach joins" {
	coracle run -d -t -i --name dt --network none busybox sh
	type_in 'coracle attach dt' Enter
	wait_for 5 is_raw
	type_in 'stty size; echo yes$((1+1))' Enter
	wait_for 5 screen_has 'yes2'
	wait_for 5 screen_has '^25 90'
}

@test "-t alone writes to a pipe through a terminal" {
	ok coracle run --rm -t --network none busybox sh -c 'test -t 1 && printf "a\nb\n"'
	output_is $'a\r\nb\r'
}

@test "-it without a terminal is refused" {
	capture coracle run --rm -it --network none busybox true </dev/null
	[ "$status" -eq 125 ]
	output_has terminal
}
