# layers.awk - every include of ours against layers.txt, which is read first.

function folder(path) {
	sub(/\/[^\/]*$/, "", path)
	return path
}

FILENAME ~ /layers\.txt$/ {
	if ($0 ~ /^#/)
		next
	split($0, side, ":")
	known[side[1]] = 1
	n = split(side[2], below, " ")
	for (i = 1; i <= n; i++)
		may[side[1], below[i]] = 1
	next
}

FNR == 1 {
	own = folder(FILENAME)
	if (!(own in known)) {
		printf "%s:1: layers.txt does not name this folder\n", FILENAME
		failed = 1
	}
}

/^#include "/ {
	split($0, part, "\"")
	to = folder(part[2])
	if (part[2] !~ /\//) {
		printf "%s:%d: '%s' is not written from the root\n", FILENAME, FNR, part[2]
		failed = 1
	} else if (to != own && !((own, to) in may)) {
		printf "%s:%d: %s may not include %s\n", FILENAME, FNR, own, to
		failed = 1
	}
}

END { exit failed }
