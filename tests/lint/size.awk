# size.awk - functions of at most 80 lines, files of at most 800, lines of at
# most 100 columns (tabs of 8; lines of test data may be longer), no // comments.  After strip.awk, LC_ALL=C.

function fault(line, text) {
	printf "%s:%d: %s\n", FILENAME, line, text
	failed = 1
}

function end_file() {
	if (lines > 800)
		printf "%s:%d: a file of %d lines; 800 is the limit\n", last, lines, lines
	failed = failed || lines > 800
}

FNR == 1 {
	end_file()
	last = FILENAME
}

{
	lines = FNR
	code = strip($0)
	if (code ~ /\/\//)
		fault(FNR, "a // comment")
	text = $0
	gsub(/[\200-\277]/, "", text)		# the rest of a UTF-8 character
	columns = 0
	n = split(text, part, "\t")
	for (i = 1; i <= n; i++)
		columns = (i > 1 ? columns - columns % 8 + 8 : 0) + length(part[i])
	if (columns > 100 && !(FILENAME ~ /^tests\// && /"/))
		fault(FNR, "a line of " columns " columns; 100 is the limit")
}

/^\{/ { begin = FNR }
/^\}/ && begin {
	if (FNR - begin + 1 > 80)
		fault(begin, "a function of " FNR - begin + 1 " lines; 80 is the limit")
	begin = 0
}

END {
	end_file()
	exit failed
}
