#!/usr/bin/env bats
# A real Debian, pulled from a real registry: what issue 2 must show.

load helper
load registry

setup_file() {
	need docker-registry skopeo python3 curl
	coracle_setup debian
	registry_start
	registry_push "oci:$IMAGES/debian:debian:test" debian:test
	coracle pull -q "$REGISTRY/debian:test"
	export IMAGE=$REGISTRY/debian:test
}

teardown_file() {
	registry_stop
	coracle_teardown
}

@test "its layers, whiteouts and hard links are as the registry has them" {
	ok bb "$IMAGE" sh -c 'ls /etc/issue.net /var/cache/debconf 2>&1; stat -c %h /srv/www/index.html
		cmp /srv/www/index.html /srv/www/again.html; stat -c %i /srv/www/* | uniq | wc -l'
	output_has "No such file"
	output_has '^new$'
	output_lacks 'config.dat'
	[ "$(tail -n 2 <<<"$output" | xargs)" = "2 1" ]
}

@test "owners and modes inside are the image's" {
	ok bb "$IMAGE" stat -c '%u:%g %a' /srv/owned /srv/suid /srv/sgid /srv/www/index.html /etc/shadow /usr/bin/passwd /tmp /root
	output_is $'1000:65534 640\n0:0 4755\n0:42 2755\n33:33 644\n0:42 640\n0:0 4755\n0:0 1777\n0:0 700'
}

@test "apt-get --version" {
	ok bb "$IMAGE" apt-get --version
	output_has '^apt [0-9]'
}

@test "a setuid program changes the user" {
	ok bb "$IMAGE" sh -c 'cp /usr/bin/id /sid; chmod 4755 /sid; setpriv --reuid 1000 --clear-groups /sid -u
		setpriv --reuid 1000 --clear-groups --no-new-privs /sid -u'
	output_is $'0\n1000'
}

@test "chown as a package manager does it" {
	ok bb "$IMAGE" sh -c 'useradd -r -m someone && touch /x && chown someone:42 /x && stat -c %U:%g /x
		chown -R 100:100 /srv/www && stat -c %u /srv/www/index.html; chown 65535 /x'
	output_is $'someone:42\n100'
}

@test "dpkg installs, removes and runs scripts" {
	ok bb "$IMAGE" sh -c 'set -e; mkdir -p /p/DEBIAN /p/usr/share/p; echo data >/p/usr/share/p/f
		printf "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: me\nDescription: d\n" >/p/DEBIAN/control
		printf "#!/bin/sh\necho configured\n" >/p/DEBIAN/postinst; chmod 755 /p/DEBIAN/postinst
		dpkg-deb --root-owner-group -b /p /p.deb >/dev/null; dpkg -i /p.deb; dpkg -S /usr/share/p/f; dpkg -r p'
	output_has '^configured$'
	output_has '^p: /usr/share/p/f$'
}

@test "run -it a shell in it" {
	need script
	fails 6 bash -c "printf 'id -un; tty; exit 6\n' | script -qec 'coracle run --rm -it --network none $IMAGE bash --norc' /dev/null; exit \${PIPESTATUS[1]}"
	output_has 'root'
	output_has '/dev/pts/0'
}

@test "a web server in it is reached from the host, logs -f follows, exec enters, stop ends it" {
	local port follower
	port=$(free_port)
	coracle run -d --name site -p "127.0.0.1:$port:80" "$IMAGE" \
		python3 -u -m http.server -d /srv/www 80
	coracle logs -f site >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
	follower=$!
	wait_for 10 curl -sf "http://127.0.0.1:$port/"
	ok curl -sf "http://127.0.0.1:$port/again.html"
	output_is 'it works'
	wait_for 5 grep 'GET /again.html' "$BATS_TEST_TMPDIR/log"
	ok coracle exec -u www-data site id -un
	output_is www-data
	ok coracle stop -t 1 site
	wait $follower
	ok coracle rm site
}

@test "names are resolved and a connection goes out" {
	local host
	host=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | sed -n '1s|.*://\([^/:]*\).*|\1|p')
	timeout 30 getent hosts "$host" >/dev/null || skip "the host resolves no names"
	ok coracle run --rm "$IMAGE" python3 -c "import socket; s = socket.create_connection(('$host', 80), 10)
s.sendall(b'HEAD / HTTP/1.0\r\nHost: $host\r\n\r\n'); print(s.recv(100)[:8].decode())"
	output_has '^HTTP/1'
}

@test "keep-id gives the same image other owners on disk, the same inside" {
	ok bb --userns keep-id "$IMAGE" stat -c '%u:%g %a' /srv/owned /srv/sgid /etc/shadow
	output_is $'1000:65534 640\n0:42 2755\n0:42 640'
	ok bb --userns keep-id "$IMAGE" id -u
	output_is "$(id -u)"
}

@test "save gives what was pulled, byte by byte" {
	coracle save --format oci-archive -o "$BATS_TEST_TMPDIR/o.tar" "$IMAGE"
	mkdir "$BATS_TEST_TMPDIR/o"
	tar -C "$BATS_TEST_TMPDIR/o" -xf "$BATS_TEST_TMPDIR/o.tar"
	local b
	for b in "$BATS_TEST_TMPDIR"/o/blobs/sha256/*; do
		cmp "$b" "$DATA/content/blobs/sha256/${b##*/}"
	done
	[ "$(find "$BATS_TEST_TMPDIR/o/blobs/sha256" -type f | wc -l)" -ge 5 ]
}
