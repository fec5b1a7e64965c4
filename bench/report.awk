# One program's results as a table, as JSON (a line for each row) and as a picture. bench/run calls it:
#   awk -v program=P -v machine=M -v svg=FILE -v json=FILE -f bench/report.awk bench/rows RESULTS
# RESULTS: SYSTEM, KIND (instructions, wall, count, note), NAME, NUMBER, ROOT WRITES in thousandths; with tabs between them.

# --- bench/rows ---

FNR == 1 { file++ }

file == 1 && /^= / {
	here = $2 == program
	if (here) {
		split($0, part, / *\| */)
		title = part[2]
		systems = split(part[3], system_name, " ")
	}
	next
}

# Lines of rows that the program may print: a pattern, limits, and what it is compared with.
file == 1 && here && !/^(#|$)/ {
	split($0 "||||", part, / *\| */)
	lines++
	pattern[lines] = part[1]
	split(part[2], limit, / *, */)
	at_most[lines] = limit[machine == "x86_64" ? 1 : 2]
	if (at_most[lines] == "-") { # this machine has no such thing
		lines--
		next
	}
	roots_at_most[lines] = limit[3]
	beside[lines] = part[3]
	split(part[4] ",", limit, / *, */)
	ratio_at_most[lines, "instructions"] = limit[1]
	ratio_at_most[lines, "wall"] = limit[2]
}

# --- results ---

file == 2 {
	split($0, part, "\t")
	if (part[2] == "note") {
		if (!((part[1], part[3]) in noted))
			notes = notes "note: " part[1] ": " part[3] "\n"
		noted[part[1], part[3]]
		next
	}
	if (part[2] == "instructions" && is_timed(part[3]))
		next
	add(part[1], part[2], part[3], part[4] * (part[2] == "instructions" && machine == "arm64" ? 16 : 1))
	# What is counted is compared as instructions are.
	if (part[2] == "count") {
		add(part[1], "instructions", part[3], part[4])
		counted[part[3]]
	}
	if (part[2] == "instructions" && part[5] != "" && part[5] >= 0)
		roots[part[1], part[3]] = part[5] / 1000
}

# What else the host does can only make a run slower: of several, the quickest is nearest to the truth.
function add(os, kind, name, value) {
	if (!(name in known)) {
		known[name]
		names[++rows] = name
	}
	if (!((os, kind, name) in quickest) || value < quickest[os, kind, name])
		quickest[os, kind, name] = value
}

# -> -1 if it was not measured.
function best(os, kind, name) {
	return (os, kind, name) in quickest ? quickest[os, kind, name] : -1
}

# What the pattern's * stands for in the name, behind a space; "" if the name is another.
function matches(pat, name,    star, tail) {
	star = index(pat, "*")
	if (!star)
		return pat == name ? " " : ""
	tail = substr(pat, star + 1)
	if (length(name) < length(pat) || substr(name, 1, star - 1) != substr(pat, 1, star - 1) ||
		substr(name, length(name) - length(tail) + 1) != tail)
		return ""
	return " " substr(name, star, length(name) - length(pat) + 1)
}

# Instructions of the row mean nothing.
function is_timed(name,    l) {
	for (l = 1; l <= lines; l++)
		if (matches(pattern[l], name) != "" && ratio_at_most[l, "instructions"] == "-")
			return 1
	return 0
}

# --- comparing ---

# What line l compares the row with: sets other_system and other_name. -> false if there is nothing.
function compared(l, name,    star) {
	if (beside[l] == "" || beside[l] ~ /^mean: /)
		return 0
	other_system = beside[l]
	other_name = name
	if (match(beside[l], /: /)) {
		other_system = substr(beside[l], 1, RSTART - 1)
		other_name = substr(beside[l], RSTART + 2)
		star = matches(pattern[l], name)
		sub(/\*/, substr(star, 2), other_name)
	}
	return 1
}

function comparison(l, name) {
	return compared(l, name) ? other_system ": " other_name : beside[l]
}

# How many times as much the row of line l is of what it is compared with, -1 if that was not measured.
function ratio(l, kind, name,    own, other, i, k, sum, n) {
	if (beside[l] ~ /^mean: /) {
		for (k = 1; k <= lines; k++)
			for (i = 1; pattern[k] == substr(beside[l], 7) && i <= rows; i++)
				if (matches(pattern[k], names[i]) != "" && (own = ratio(k, kind, names[i])) > 0) {
					sum += own
					n++
				}
		return n ? sum / n : -1
	}
	if (!compared(l, name))
		return -1
	own = best("allod", kind, name)
	other = best(other_system, kind, other_name)
	return own >= 0 && other > 0 ? own / other : -1
}

# "1/50" or "1.5" as a number.
function number(text,    part) {
	return split(text, part, "/") == 2 ? part[1] / part[2] : text + 0
}

# --- the table ---

function figure(value) {
	return value < 0 ? "-" : sprintf(value < 1000 ? "%.1f" : "%.0f", value)
}

function fraction(value) {
	return value < 0 ? "-" : value >= 0.95 ? sprintf("%.2f", value) : sprintf(value > 0.1 ? "1/%.1f" : "1/%.0f", 1 / value)
}

# What is printed behind a figure that is above the most that it may be.
function verdict(value, most) {
	if (most == "" || value <= number(most) * 1.0005)
		return ""
	missed = missed (missed == "" ? "" : ", ") row_name
	return " MISSED"
}

# A figure with its limit.
function judged(text, value, most) {
	return value < 0 || most == "" ? text : text " (" most ")" verdict(value, most)
}

function root_writes(name, most) {
	if (!(("allod", name) in roots))
		return ""
	return judged(sprintf("%.1f", roots["allod", name]), roots["allod", name], most)
}

function heading(os) {
	return os == "allod-off" ? "shield off" : os == "linux-off" ? "not isolated" : os == "allod" ? "Allod" : "Linux"
}

function longer(width, text) {
	return width > length(text) + 2 ? width : length(text) + 2
}

function print_heading(    s) {
	printf "\n%s (%s): instructions, or what a name says\n\n%-" name_width "s", title, machine, ""
	for (s = 1; s <= systems; s++)
		printf "%13s", heading(system_name[s])
	printf "  %-9s%-15s%-" what_width "s%-23s%s\n", "roots", "at most", "beside", "times its instructions", "times its wall time"
}

# What line l says of the row: limits, and what it is compared with.
function print_line(l, name,    r, wall, what) {
	r = ratio(l, "instructions", name)
	wall = ratio(l, "wall", name)
	what = comparison(l, name)
	# As precise as they are shown: a tick of arm64 is sixteen instructions.
	printf "%-15s%-" what_width "s%-23s%s\n", at_most[l] verdict(figure(best("allod", "instructions", name)) + 0, at_most[l]), what,
		what == "" ? "" : judged(fraction(r), r, ratio_at_most[l, "instructions"]),
		wall < 0 ? "" : judged(fraction(wall), wall, ratio_at_most[l, "wall"])
	if (what != "" && r < 0 && wall < 0)
		complain("nothing to compare with: " name " with " what)
	json_beside(l, what, r, wall)
}

function print_row(name,    s, l, found, what, seen) {
	row_name = name
	printf "%-" name_width "s", name
	json_begin(name)
	for (s = 1; s <= systems; s++)
		printf "%13s", figure(best(system_name[s], "instructions", name))
	printf "  "
	for (l = 1; l <= lines; l++) {
		if (matches(pattern[l], name) == "")
			continue
		what = compared(l, name) ? other_system SUBSEP other_name : l
		if (what in seen)
			continue
		seen[what]
		if (found++)
			printf "%" (name_width + 13 * systems + 11) "s", ""
		else
			printf "%-9s", root_writes(name, roots_at_most[l])
		print_line(l, name)
	}
	if (!found)
		print ""
	json_end()
}

function complain(text) {
	print "bench: " program ": " text > "/dev/stderr"
	bad = 1
}

# --- JSON ---

function json_begin(name,    s, value, comma) {
	printf "{\"program\": \"%s\", \"name\": \"%s\"", program, name > json
	printf ", \"%s\": {", name in counted ? "count" : "instructions" > json
	for (s = 1; s <= systems; s++) {
		value = best(system_name[s], "instructions", name)
		if (value >= 0) {
			printf "%s\"%s\": %.2f", comma, system_name[s], value > json
			comma = ", "
		}
	}
	printf "}" > json
	if (("allod", name) in roots)
		printf ", \"root_writes\": %.3f", roots["allod", name] > json
	printf ", \"beside\": [" > json
	besides = 0
}

function json_beside(l, what, r, wall) {
	if (at_most[l] != "")
		most = at_most[l]
	if (what == "")
		return
	printf "%s{\"what\": \"%s\"", besides++ ? ", " : "", what > json
	json_ratio(l, "instructions", r)
	json_ratio(l, "wall", wall)
	printf "}" > json
}

function json_ratio(l, kind, value,    most) {
	if (value < 0)
		return
	printf ", \"%s\": %.5f", kind, value > json
	most = ratio_at_most[l, kind]
	if (most != "")
		printf ", \"%s_at_most\": %.5f", kind, number(most) > json
}

function json_end() {
	print "]" (most == "" ? "" : ", \"at_most\": " most) "}" > json
	most = ""
}

# --- the picture: a bar for each system, on a scale of powers of ten ---

function x_of(value) {
	return 260 + 420 * (log(value) - log(least)) / (log(greatest) - log(least))
}

function scale(    i, s, value) {
	for (i = 1; i <= rows; i++)
		for (s = 1; s <= systems; s++) {
			value = names[i] in counted ? -1 : best(system_name[s], "instructions", names[i])
			if (value <= 0)
				continue
			drawn[i]++
			bars++
			least = least == "" || value < least ? value : least
			greatest = value > greatest ? value : greatest
		}
	if (!bars)
		return 0
	least = 10 ^ int(log(least) / log(10) + 100.0001 - 100)
	if (least > 1)
		least /= 10
	greatest = 10 ^ (int(log(greatest) / log(10)) + 1)
	return 1
}

function draw(    i, s, y, value, height, colour) {
	if (!scale())
		return
	colour["allod"] = "#b45309"
	colour["allod-off"] = "#f5c26b"
	colour["linux"] = "#4b5563"
	colour["linux-off"] = "#b6bcc6"
	height = 60
	for (i in drawn)
		height += drawn[i] * 13 + 7
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"780\" height=\"%d\" font-family=\"sans-serif\" font-size=\"11\">\n", height + 10 > svg
	printf "<rect width=\"780\" height=\"%d\" fill=\"white\"/>\n", height + 10 > svg
	printf "<text x=\"10\" y=\"18\" font-size=\"14\">%s (%s), guest instructions</text>\n", title, machine > svg
	for (s = 1; s <= systems; s++) {
		printf "<rect x=\"%d\" y=\"26\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", 10 + 100 * (s - 1), colour[system_name[s]] > svg
		printf "<text x=\"%d\" y=\"35\">%s</text>\n", 24 + 100 * (s - 1), heading(system_name[s]) > svg
	}
	for (value = least; value <= greatest * 1.01; value *= 10) {
		printf "<line x1=\"%.1f\" y1=\"52\" x2=\"%.1f\" y2=\"%d\" stroke=\"#e5e7eb\"/>\n", x_of(value), x_of(value), height > svg
		printf "<text x=\"%.1f\" y=\"48\" text-anchor=\"middle\" fill=\"#6b7280\">10^%d</text>\n", x_of(value),
			int(log(value) / log(10) + 0.5) > svg
	}
	y = 58
	for (i = 1; i <= rows; i++) {
		if (!drawn[i])
			continue
		printf "<text x=\"252\" y=\"%d\" text-anchor=\"end\">%s</text>\n", y + 9, names[i] > svg
		for (s = 1; s <= systems; s++) {
			value = best(system_name[s], "instructions", names[i])
			if (value <= 0)
				continue
			printf "<rect x=\"260\" y=\"%d\" width=\"%.1f\" height=\"11\" fill=\"%s\"/>\n", y, x_of(value) - 259,
				colour[system_name[s]] > svg
			printf "<text x=\"%.1f\" y=\"%d\">%s</text>\n", x_of(value) + 5, y + 9, figure(value) > svg
			y += 13
		}
		y += 7
	}
	print "</svg>" > svg
}

# Puts a row at the end of those that are shown, and behind it what it stands beside, where both go by the same parameters.
function place(name,    l) {
	if (name in placed || !(name in known))
		return
	placed[name]
	shown[++last] = name
	for (l = 1; l <= lines; l++)
		if (pattern[l] ~ /\*/ && matches(pattern[l], name) != "" && compared(l, name))
			place(other_name)
}

END {
	# Means have no row of their own.
	for (l = 1; l <= lines; l++)
		if (beside[l] ~ /^mean: / && !(pattern[l] in known)) {
			known[pattern[l]]
			names[++rows] = pattern[l]
			counted[pattern[l]]
		}
	for (l = 1; l <= lines; l++)
		if (pattern[l] !~ /\*/ && !(pattern[l] in known))
			complain("no row " pattern[l])
	for (i = 1; i <= rows; i++)
		place(names[i])
	for (i = 1; i <= rows; i++)
		names[i] = shown[i]
	for (i = 1; i <= rows; i++) {
		name_width = longer(name_width, names[i])
		for (l = 1; l <= lines; l++)
			if (matches(pattern[l], names[i]) != "")
				what_width = longer(what_width, comparison(l, names[i]))
	}
	print_heading()
	for (i = 1; i <= rows; i++)
		print_row(names[i])
	printf "%s", notes == "" ? "" : "\n" notes
	if (missed != "")
		printf "\nMISSED: %s\n", missed
	draw()
	exit bad
}
