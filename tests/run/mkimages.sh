#!/bin/bash
# mkimages.sh DIR [debian]: makes the images that the tests load, in DIR.
#
# busybox.tar     docker-archive, tags busybox and busybox:other, two layers:
#                 a static busybox; users, files of other owners, a volume.
# debian/         OCI layout, tag debian:test: a real Debian by mmdebstrap in
#                 three layers, with hard links and setuid files.  It
#                 takes half a minute and a mirror.
# What is there already and not older than this script is kept.
# Exit status 77: the mirror of the host's apt cannot be reached.
set -eu

dir=$1
here=$(dirname "$(readlink -f "$0")")
mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9
tmp=$(mktemp -d "$dir/.new-XXXXXX")
trap 'rm -rf "$tmp"' EXIT

busybox_tree() {
	local applet
	mkdir -p "$tmp/1"/{bin,dev,proc,sys,etc,root,var} "$tmp/1/tmp"
	chmod 1777 "$tmp/1/tmp"
	chmod 700 "$tmp/1/root"
	cp "$(command -v busybox)" "$tmp/1/bin/busybox"
	${CC:-cc} -std=gnu17 -O1 -static -s -o "$tmp/1/bin/peer" "$here/peer.c"
	for applet in $("$tmp/1/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$tmp/1/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n%s\n' \
		'1234:x:0:0:a number for a name:/:/bin/sh' >"$tmp/1/etc/passwd"
	printf 'root:x:0:\napp:x:1000:\nextra:x:2000:app\n' >"$tmp/1/etc/group"
	mkdir -p "$tmp/2/home/app" "$tmp/2/data" "$tmp/2/srv"
	echo app >"$tmp/2/home/app/own"
	echo filled >"$tmp/2/data/seed"
	echo hello >"$tmp/2/srv/index.html"
	printf 'text\n' >"$tmp/2/srv/noexec"
	printf '#!/no/such/interpreter\n' >"$tmp/2/srv/noshell"
	chmod 755 "$tmp/2/srv/noshell"
}

busybox_archive() {
	local a b
	tar -C "$tmp/1" --sort=name --owner=0 --group=0 --mtime=@0 -cf "$tmp/1.tar" .
	tar -C "$tmp/2" --sort=name --owner=0 --group=0 --mtime=@0 -cf "$tmp/2.tar" srv data
	tar -C "$tmp/2" --sort=name --owner=1000 --group=1000 --mtime=@0 -rf "$tmp/2.tar" home/app
	a=$(sha256sum <"$tmp/1.tar")
	b=$(sha256sum <"$tmp/2.tar")
	cat >"$tmp/config.json" <<-END
	{"architecture":"$(arch_name)","os":"linux","created":"2026-01-01T00:00:00Z",
	 "config":{"Env":["PATH=/bin","FROM_IMAGE=1"],"Cmd":["sh"],"WorkingDir":"/",
	  "Labels":{"made.by":"mkimages"},"ExposedPorts":{"80/tcp":{}}},
	 "rootfs":{"type":"layers","diff_ids":["sha256:${a%% *}","sha256:${b%% *}"]},
	 "history":[{"created":"2026-01-01T00:00:00Z","created_by":"busybox"},
	  {"created":"2026-01-01T00:00:00Z","created_by":"users"}]}
	END
	printf '[{"Config":"config.json","RepoTags":["busybox:latest","busybox:other"],"Layers":%s}]' \
		'["1.tar","2.tar"]' >"$tmp/manifest.json"
	tar -C "$tmp" -cf "$tmp/busybox.tar" manifest.json config.json 1.tar 2.tar
	mv "$tmp/busybox.tar" "$dir/busybox.tar"
}

arch_name() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	*) uname -m ;;
	esac
}

debian_image() {
	local mirror suite mode=unshare
	mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' |
		sort -u | grep -v -e security -e updates -e backports | head -n 1)
	suite=${mirror#* } mirror=${mirror% *}
	[ "$(id -u)" -ne 0 ] || mode=root
	# Its other ids cannot read a home of ours.  Its pipes have to be below 10,
	# since /bin/sh knows no others.
	HOME=/ PATH=$PATH:/usr/sbin:/sbin mmdebstrap --quiet --mode=$mode --variant=apt \
		--include=python3,passwd --aptopt='Acquire::Languages "none"' \
		--aptopt='Acquire::Retries "2"' --aptopt='Acquire::http::Timeout "15"' \
		--dpkgopt=path-exclude='/usr/share/doc/*' --dpkgopt=path-exclude='/usr/share/man/*' \
		--dpkgopt=path-exclude='/usr/share/locale/*' --skip=cleanup/apt/lists \
		"$suite" "$tmp/debian.tar" "$mirror" >"$tmp/log" 2>&1 \
		3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- || {
		tail -n 20 "$tmp/log" >&2
		exit 77
	}
	mkdir "$tmp/debian"
	"$here/mklayers.py" "$tmp/debian.tar" "$tmp/debian" "$(arch_name)"
	mv "$tmp/debian" "$dir/debian"
}

case ${2-} in
debian)
	[ -f "$dir/debian/index.json" ] || debian_image
	;;
*)
	[ "$dir/busybox.tar" -nt "$0" ] && [ "$dir/busybox.tar" -nt "$here/peer.c" ] || {
		busybox_tree
		busybox_archive
	}
	;;
esac
