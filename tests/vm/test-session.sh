# What logouts, reboots and power cuts leave.
# shellcheck shell=bash

start_detached() { dev "coracle run -d --name $1 --network none $2 busybox sleep 1000"; }

state_of() { dev "coracle ps -a --filter name=$1 --format '{{.Status}}'"; }

# The session of start_detached has ended.  Debian leaves its processes alone;
# the user's systemd ends with its last session, and with it its scopes.
survives_logout() {
	start_detached plain ''
	sleep 12
	state_of plain
	state_of plain | grep -q '^Up' && dev 'coracle exec plain true && coracle rm -f plain'
}

scope_without_linger() {
	loginctl disable-linger dev
	start_detached limited '--memory 64m'
	wait_for 60 sh -c '! pgrep -u dev -x coracle-shim'
	state_of limited
	! pgrep -u dev -x coracle-shim && state_of limited | grep -q '^Exited' &&
		dev 'coracle start limited && coracle rm -f limited'
}

scope_with_linger() {
	loginctl enable-linger dev
	start_detached limited '--memory 64m'
	sleep 15
	state_of limited
	state_of limited | grep -q '^Up' && dev 'coracle rm -f limited'
}

# after_boot CODE
after_boot() {
	local out

	out=$(state_of old)
	echo "$out"
	dev 'find $XDG_RUNTIME_DIR/coracle -mindepth 2 | grep .' && return 1
	grep -qi "^Exited ($1)" <<<"$out" &&
		dev 'coracle start old && coracle exec old echo again && coracle rm -f old'
}

save_layout() {
	dev 'coracle save --format oci-archive -o l.tar busybox && mkdir l && tar -x -C l -f l.tar &&
		sed -i "s|\(ref.name\": *\"\)[^\"]*|\1latest|" l/index.json'
}

# registry RATE: it sends what save_layout saved, so many bytes a second.
registry() {
	{
		sleep infinity | python3 $VM/registryd --layout /home/dev/l --port 5000 \
			--script "{\"rules\": [{\"match\": \"GET .*/blobs/\", \"rate\": $1}]}"
	} >/dev/null 2>&1 &
	wait_for 20 bash -c ': </dev/tcp/127.0.0.1/5000'
}

# The lists work, and blobs are what their names say.
store_is_whole() {
	dev 'coracle images && coracle ps -a && coracle system df && cd ~/.local/share/coracle/content/blobs/sha256 &&
		find -type f -printf "%f\n" | xargs -r sha256sum | awk "{ print } \$1 != \$2 { bad = 1 } END { exit bad }"'
}

image_runs() { dev "bb $1 echo runs" | tee /dev/stderr | grep -qx runs; }

has_no_blobs() { ! find /home/dev/.local/share/coracle/content/blobs -type f | grep .; }

# A layer of which some has come.
is_pulling() { find /home/dev/.local/share/coracle/content/ingest -type f -size +100k | grep .; }

case $BOOT in
1)
	dev "coracle load -q -i $VM/busybox.tar" >/dev/null
	test_that 'run -d outlives the session' survives_logout
	test_that 'limits without lingering end at logout' scope_without_linger
	test_that 'limits with lingering outlive the session' scope_with_linger
	start_detached old '--memory 64m' >/dev/null
	sync
	reboot_in_order
	;;
2)
	test_that 'after a reboot: the exit code, no stale files, start works' after_boot 137
	start_detached old '' >/dev/null
	# The rows of containers are not flushed by themselves: a cut may take the last.
	sync
	dev 'for i in 1 2 3 4 5 6; do bb busybox true; done & sleep 2.3; echo' >/dev/null &
	sleep 4
	cut_power
	;;
3)
	test_that 'after a power cut in runs: unknown, start works' after_boot unknown
	test_that 'after a power cut in runs: the store is whole' store_is_whole
	test_that 'after a power cut in runs: the image runs' image_runs busybox
	test_that 'an image is saved' save_layout
	# What is in the store would not be fetched.
	test_that 'all images are removed' dev 'coracle rmi -f $(coracle images -q)'
	test_that 'no blobs are left' wait_for 60 has_no_blobs
	test_that 'a registry' registry 50000
	sync
	dev 'coracle pull localhost:5000/a:latest' >/dev/null 2>&1 &
	test_that 'a pull that is under way' wait_for 120 is_pulling
	cut_power
	;;
4)
	test_that 'after a power cut in pull: the store is whole' store_is_whole
	test_that 'after a power cut in pull: no image' dev '! coracle images -q | grep .'
	test_that 'a registry again' registry 10000000
	test_that 'after a power cut in pull: the next one works' dev 'coracle pull -q localhost:5000/a:latest'
	test_that 'after a power cut in pull: the image runs' image_runs localhost:5000/a:latest
	test_that 'after a pull: the store is whole' store_is_whole
	;;
esac
