# guest.sh - what the tests inside a machine share.  They run as root; $2 is
# the number of this boot.
# shellcheck shell=bash

BOOT=$2
VM=/run/vm
chmod 755 $VM $VM/bin $VM/bin/*
chmod 0666 /dev/fuse /dev/net/tun

# dev COMMAND: a login session of the ordinary user dev.
dev() {
	systemd-run --quiet --wait --pipe -p User=dev -p PAMName=login \
		-E XDG_SESSION_TYPE=tty -E XDG_SESSION_CLASS=user -p WorkingDirectory=/home/dev \
		-- bash -c "PATH=$VM/bin:\$PATH; . $VM/guest-dev.sh; $1" 2>&1
}

# test_that NAME COMMAND...: one line of TAP; the output is shown when it fails
test_that() {
	local name=$1 out

	shift
	if out=$("$@" 2>&1); then
		echo "ok - $name"
	else
		echo "not ok - $name"
		sed 's/^/# /' <<<"$out"
	fi
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return
		sleep 0.2
	done
}

# The processes of dev's containers.
containers_of_dev() { pgrep -u dev -x coracle-shim; }

reboot_in_order() { exit 99; }

# Without a sync, and nothing after this runs.
cut_power() {
	echo 'vm: cut' >/dev/ttyS1
	sleep 1000
}
