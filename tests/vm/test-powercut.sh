# Power cuts of the store: of disks that lose what was not flushed, and of this machine.
# shellcheck shell=bash

HERE=/var/lib/cut

powercut() { B=$VM/bin POWERCUT_USER=dev python3 $VM/powercut "$@" $VM/busybox.tar 2>&1; }

# survives_cuts FS
survives_cuts() {
	local out

	out=$(powercut -e 7 -n 20 -f "$1")
	echo "$out"
	[ "$out" = "figures: $1: 20 cuts, 0 not survived" ]
}

# is_at_work PID
is_at_work() { kill -0 "$1" || { cat $HERE/out; return 1; }; }

# work_and_cut SECONDS: of work
work_and_cut() {
	local worker

	rm -rf $HERE && mkdir $HERE
	powercut -w $HERE >$HERE/out &
	worker=$!
	sleep "$1"
	test_that "work until the power goes, after $1 s" is_at_work $worker
	cut_power
}

after_cut() {
	local out

	if out=$(powercut -c $HERE); then
		echo "ok - the power of the machine is cut: $out"
	else
		echo "not ok - the power of the machine is cut: $out"
	fi
}

case $BOOT in
1)
	test_that 'ext4: 20 cuts, 0 not survived' survives_cuts ext4
	work_and_cut 30
	;;
2)
	after_cut
	test_that 'xfs: 20 cuts, 0 not survived' survives_cuts xfs
	work_and_cut 41
	;;
3)
	after_cut
	test_that 'btrfs: 20 cuts, 0 not survived' survives_cuts btrfs
	work_and_cut 53
	;;
4)
	after_cut
	;;
esac
