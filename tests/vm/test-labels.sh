# Labels of a security module: Debian has AppArmor.
# shellcheck shell=bash

# bundle LABEL [JQ]: of busybox, in /tmp/bundle, with this profile
bundle() {
	local show='cat /proc/self/attr/apparmor/current /etc/secret; cat /etc/passwd >/dev/null && echo read'

	rm -rf /tmp/bundle
	mkdir -p /tmp/bundle/rootfs
	tar -xOf $VM/busybox.tar 1.tar | tar -x -C /tmp/bundle/rootfs
	echo secret >/tmp/bundle/rootfs/etc/secret
	chown -R dev: /tmp/bundle
	dev 'coracle-oci spec --rootless -b /tmp/bundle'
	jq --arg l "$1" --arg s "$show" '.process.terminal = false | .process.apparmorProfile = $l |
		.process.args = ["sh", "-c", $s] | '"${2-.}" /tmp/bundle/config.json >/tmp/config.json
	mv /tmp/config.json /tmp/bundle
	chmod 644 /tmp/bundle/config.json
}

load_profile() {
	apparmor_parser -r <<-'PROFILE'
	profile coracle-test flags=(attach_disconnected,mediate_deleted) {
		capability,
		network,
		file,
		mount,
		umount,
		signal,
		ptrace,
		unix,
		deny /etc/secret r,
	}
	PROFILE
}

confined() {
	echo "$1"
	grep -qx 'coracle-test (enforce)' <<<"$1" && grep -qx read <<<"$1" && ! grep -qx secret <<<"$1"
}

# For root no user namespace, for dev one.
without_users='del(.linux.uidMappings, .linux.gidMappings) |
	.linux.namespaces |= map(select(.type != "user"))'

as_root() {
	bundle coracle-test "$without_users"
	confined "$($VM/bin/coracle-oci run -b /tmp/bundle a 2>&1)"
}

as_user() {
	bundle coracle-test
	confined "$(dev 'coracle-oci run -b /tmp/bundle a')"
}

exec_too() {
	local out

	bundle coracle-test '.process.args = ["sleep", "100"]'
	out=$(dev 'coracle-oci create -b /tmp/bundle a >/dev/null </dev/null && coracle-oci start a &&
		coracle-oci exec a cat /proc/self/attr/apparmor/current /etc/secret
		coracle-oci delete --force a')
	confined "$out
read"
}

unconfined() {
	local out

	bundle unconfined
	out=$(dev 'coracle-oci run -b /tmp/bundle a')
	echo "$out"
	grep -qx unconfined <<<"$out" && grep -qx secret <<<"$out"
}

not_loaded() {
	local out

	bundle no-such-profile
	out=$(dev 'coracle-oci run -b /tmp/bundle a')
	echo "$out"
	grep -q "set security label 'exec no-such-profile'" <<<"$out" && ! grep -qx read <<<"$out"
}

test_that 'a profile is loaded' load_profile
# field: process.apparmorProfile
test_that 'root: a profile confines' as_root
# field: process.apparmorProfile
test_that 'a user: a profile confines' as_user
test_that 'exec is confined too' exec_too
test_that 'unconfined is none' unconfined
test_that 'a profile that is not loaded is refused' not_loaded
