# Homes on file systems that most kernels lack: NFS with squashed root, and an ext4 that folds names.
# shellcheck shell=bash

# as_home DIR COMMAND: with a store in DIR
as_home() {
	dev "export XDG_DATA_HOME=$1; $2"
}

serve_nfs() {
	mkdir -p /srv/homes/dev /mnt/nfs
	chown dev: /srv/homes/dev
	echo '/srv/homes 127.0.0.1(rw,sync,root_squash,no_subtree_check,insecure)' >/etc/exports
	systemctl restart nfs-kernel-server && mount -t nfs 127.0.0.1:/srv/homes /mnt/nfs
}

nfs_works() {
	local home=/mnt/nfs/dev out

	out=$(as_home $home "coracle load -q -i $VM/busybox.tar") || return
	grep -E "is on NFS: database, layers and volumes are in '/var/tmp/coracle-" <<<"$out" || return
	out=$(as_home $home 'set -e
		bb -v v:/v busybox sh -c "echo x >/v/x; cat /home/app/own /v/x; stat -c %u /home/app/own"
		coracle run -d --name up --network none busybox sleep 1000 >/dev/null
		coracle exec up echo in
		coracle commit -q up made:1 >/dev/null
		coracle rm -f up
		bb made:1 echo made
		coracle system check --deep') || { echo "$out"; return 1; }
	echo "$out"
	[ "$(grep -v '^coracle: ' <<<"$out" | xargs)" = 'app x 1000 in up made' ] || return
	[ -n "$(find /srv/homes/dev/coracle/content/blobs/sha256 -type f)" ] || return
	[ ! -e /srv/homes/dev/coracle/meta.db ] || return
	as_home $home 'coracle doctor' | grep "^lower    store .* is on NFS: " || return
	as_home $home 'coracle rmi busybox made:1 && coracle system prune -f && coracle system reset -f' || return
	[ -z "$(find /srv/homes/dev/coracle /var/tmp/coracle-* -type f ! -name lock)" ]
}

folded() {
	local home=/mnt/fold/dev out

	truncate -s 300m /var/tmp/fold
	mkfs.ext4 -q -O casefold -E encoding=utf8 /var/tmp/fold && mkdir -p /mnt/fold &&
		mount -o loop /var/tmp/fold /mnt/fold || return
	install -d -o dev -g dev $home && chattr +F $home && : >$home/A && [ -e $home/a ] || return
	out=$(as_home $home "coracle load -q -i $VM/busybox.tar >/dev/null
		"'coracle run --rm --network none -v v:/v busybox sh -c "echo a >/a; echo A >/A; cat /a /A; echo b >/v/b; echo B >/v/B; cat /v/b /v/B"
		coracle system check --deep')
	echo "$out"
	[ "$(grep -v '^coracle: ' <<<"$out" | xargs)" = 'a A b B' ] || return
	as_home $home 'coracle system reset -f'
	# One that was in use before keeps it: it is refused.
	install -d -o dev -g dev $home/coracle $home/coracle/snapshots &&
		chattr +F $home/coracle/snapshots &&
		install -d -o dev -g dev $home/coracle/snapshots/overlay || return
	out=$(as_home $home "coracle load -q -i $VM/busybox.tar; coracle run --rm busybox true")
	echo "$out"
	grep "takes 'a' and 'A' for the same name" <<<"$out"
}

test_that "NFS is served here" serve_nfs
test_that "a home on NFS: blobs there, the rest on this machine" nfs_works
test_that "a home that folds names: the store's directories do not, or are refused by name" folded
