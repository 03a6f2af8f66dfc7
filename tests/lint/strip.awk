# strip.awk - sets `code` to the line without comments, strings and characters
# (their quotes stay).  Call strip() once per line; reset at each file.

FNR == 1 { in_comment = 0 }

function strip(line,    out, c, two) {
	out = ""
	while (line != "") {
		two = substr(line, 1, 2)
		if (in_comment) {
			if (!(c = index(line, "*/")))
				return out
			line = substr(line, c + 2)
			in_comment = 0
		} else if (two == "/*") {
			in_comment = 1
			line = substr(line, 3)
		} else if (match(line, /^("([^"\\]|\\.)*"|'([^'\\]|\\.)*')/)) {
			out = out substr(line, 1, 1) substr(line, 1, 1)
			line = substr(line, RLENGTH + 1)
		} else {
			c = match(substr(line, 2), /[\/"']/)
			c = c ? c : length(line)
			out = out substr(line, 1, c)
			line = substr(line, c + 1)
		}
	}
	return out
}
