#!/usr/bin/env bats
# cp: both ways, running and not, links that lead out, archives.

load helper

setup_file() { coracle_setup busybox; }
teardown_file() { coracle_teardown; }
setup() { cd "$BATS_TEST_TMPDIR"; }
teardown() { coracle rm -f -a -v >/dev/null; }

# both FUNCTION: with a container "c" that runs, and with one that never did.
both() {
	coracle run -d --name c --network none -v data:/vol busybox sleep 1000 >/dev/null
	"$1"
	coracle rm -f c >/dev/null
	coracle create --name c --network none -v data:/vol busybox sleep 1000 >/dev/null
	"$1"
	coracle rm -f c >/dev/null
}

# inside PATH: type, owner and mode, as the container sees it.
inside() {
	coracle cp "c:$1" - | tar -tv --numeric-owner | awk 'NR == 1 { print $1, $2 }'
}

make_tree() {
	mkdir -p d/sub
	echo one >d/one
	ln -f d/one d/sub/hard
	ln -sfn one d/link
	[ -p d/fifo ] || mkfifo d/fifo
	chmod 750 d/sub
}

files() {
	make_tree
	ok coracle cp d/one c:/srv
	ok coracle cp d/one c:/srv/renamed
	ok coracle cp d/one c:srv/relative
	ok coracle cp c:/srv/renamed back
	cmp d/one back
	ok coracle cp c:/srv/relative .
	cmp d/one relative
	mkdir -p into
	ok coracle cp c:/srv/one into
	cmp d/one into/one
	echo new >d/one
	ok coracle cp d/one c:/srv/one
	[ "$(coracle cp c:/srv/one - | tar -xO)" = new ]
	fails 1 coracle cp d/one c:/nowhere/
	fails 1 coracle cp d/one c:/nowhere/deeper
	fails 1 coracle cp c:/nowhere x
	fails 1 coracle cp nowhere c:/
	fails 1 coracle cp d/one/ c:/
	fails 1 coracle cp d c:/srv/one
	fails 1 coracle cp d/one c:
}

@test "files" { both files; }

trees() {
	make_tree
	ok coracle cp d c:/srv
	ok coracle cp d c:/srv/new
	ok coracle cp d/. c:/srv/d
	[ "$(coracle cp c:/srv - | tar -t | grep -c '^srv/d/d')" -eq 0 ]
	ok coracle cp c:/srv/new out
	diff -r <(cd d && find . -printf '%P %y %m %l\n' | sort) <(cd out && find . -printf '%P %y %m %l\n' | sort)
	[ out/one -ef out/sub/hard ]
	[ "$(find out ! -user "$(id -u)")" = "" ]
	mkdir -p flat
	ok coracle cp c:/srv/new/. flat
	[ -f flat/one ]
	rm -rf out flat
}

@test "directories, hard links, links, fifos, modes" { both trees; }

owners() {
	echo x >x
	chmod 4711 x
	ok coracle cp x c:/srv/x
	[ "$(inside /srv/x)" = "-rws--x--x 0/0" ]
	ok coracle cp c:/home/app/own mine
	[ "$(stat -c %u mine)" = "$(id -u)" ]
	ok coracle cp c:/srv/x back
	[ "$(stat -c %a back)" = 711 ]
	tar --owner=1000 --group=2000 -c x | coracle cp - c:/srv
	[ "$(inside /srv/x)" = "-rws--x--x 1000/2000" ]
	[ "$(inside /home/app/own | cut -d' ' -f2)" = 1000/1000 ]
}

@test "what comes in is root's, what comes out ours; archives have their own" { both owners; }

volumes() {
	echo x >x
	ok coracle cp x c:/vol/x
	ok coracle cp c:/vol/x y
	cmp x y
	cmp x "$(coracle volume inspect -f '{{.Mountpoint}}' data)/x"
}

@test "volumes are there" { both volumes; }

archives() {
	make_tree
	tar -cz d | coracle cp - c:/srv
	coracle cp c:/srv/d - | tar -x -C "$BATS_TEST_TMPDIR" --transform 's/^d/e/'
	cmp d/one e/one
	fails 1 coracle cp - c:/srv/index.html <d/one
	head -c 100000 /dev/urandom >junk
	fails 1 coracle cp - c:/srv <junk
	touch .wh.keep
	tar -c .wh.keep | coracle cp - c:/srv
	[ "$(inside /srv/.wh.keep | cut -c1)" = - ]
}

@test "tar streams, compressed too, and no name is special" { both archives; }

traps() {
	echo good >good
	mkdir -p t && cd t
	ln -sfn ../../../../../../../../../../../../../../../../srv/escaped up
	ln -sfn /proc/1/root/srv magic
	ln -sfn "$BATS_TEST_TMPDIR" host
	ln -sfn /srv abs
	ln -sfn loop loop
	cd ..
	ok coracle cp t/. c:/var
	ok coracle cp good c:/var/up
	[ "$(coracle cp c:/srv/escaped - | tar -xO)" = good ]
	fails 1 coracle cp good c:/var/host/bad
	[ ! -e bad ]
	fails 1 coracle cp c:/var/host/good stolen
	fails 1 coracle cp good c:/var/loop
	fails 1 coracle cp good c:/var/loop/x
	ok coracle cp good c:/var/abs/through
	[ "$(inside /srv/through | cut -c1)" = - ]
	fails 1 coracle cp good c:/var/magic/x
	ok coracle cp c:/var/abs link
	[ "$(readlink link)" = /srv ]
	ok coracle cp -L c:/var/abs followed
	[ -f followed/index.html ]
	rm -rf link followed
}

@test "links in the image stay in the image" { both traps; }

@test "a container that swaps a directory for a link during cp gets nothing outside" {
	mkdir victim src
	for i in 1 2 3 4 5 6 7 8; do echo bad >"src/$i"; done
	coracle run -d --name c --network none busybox sh -c "mkdir /a; ln -s $BATS_TEST_TMPDIR/victim /l
		while :; do mv /a /b; mv /l /a; mv /a /l; mv /b /a; done" >/dev/null
	for _ in $(seq 30); do
		coracle cp src/. c:/a 2>/dev/null || true
		coracle cp src c:/a/x 2>/dev/null || true
		coracle cp c:/a/1 stolen 2>/dev/null || true
	done
	[ -z "$(ls victim)" ]
}

@test "nothing of the image runs, neither of cp nor of top" {
	local marker=$BATS_TEST_TMPDIR/marker
	printf '#!/bin/sh\n: >%s\n' "$marker" >evil
	chmod 755 evil
	coracle run -d --name c --network none busybox sleep 1000 >/dev/null
	coracle exec c rm /bin/xz /bin/gzip /bin/ps /bin/nsenter /bin/tar
	for n in bin/{xz,unpigz,gzip,zstd,ps,nsenter,tar} lib/libnss_{files,compat}.so.2; do
		mkdir -p "$(dirname "root/$n")"
		cp evil "root/$n"
	done
	coracle cp root/. c:/
	tar -cz evil | coracle cp - c:/srv
	coracle cp c:/srv - >out.tar
	ok coracle top c
	output_has 'sleep 1000'
	[ ! -e "$marker" ]
}

@test "a read-only root refuses, its volumes do not" {
	echo x >x
	coracle run -d --name c --read-only --network none -v data:/vol busybox sleep 1000 >/dev/null
	fails 1 coracle cp x c:/srv/x
	output_has '[Rr]ead-only'
	ok coracle cp x c:/vol/x
	coracle stop -t 0 c
	fails 1 coracle cp x c:/srv/x
	ok coracle cp x c:/vol/x
}

@test "every snapshotter" {
	echo x >x
	for s in overlay fuse-overlayfs btrfs native; do
		coracle create --snapshotter $s --name c --network none busybox cat /srv/x >/dev/null || continue
		ok coracle cp x c:/srv/x
		ok coracle cp c:/srv/x y
		cmp x y
		[ "$(coracle start -a c)" = x ]
		coracle rm c >/dev/null
	done
}
