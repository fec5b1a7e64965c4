# The results of bench/compare as a table, as JSON and as a picture. Input: SYSTEM, KIND (instructions or wall), WAY, TICKS.

# Ticks of the counter are instructions under -icount; on arm64 one is sixteen of them.
{
	value = $4 * ($2 == "instructions" && machine == "arm64" ? 16 : 1)
	if (!($3 in known)) {
		known[$3] = 1
		ways[++count] = $3
		if (!(numbers($3) in first))
			first[numbers($3)] = $3
	}
	runs[$1, $2, $3]++
	all[$1, $2, $3, runs[$1, $2, $3]] = value
}

# What a name ends in if that is numbers only, else nothing.
function numbers(way) {
	sub(/^[^ ]* */, "", way)
	return way ~ /^[0-9 ]+$/ ? way : ""
}

# The median of all runs, 0 if there is none.
function median(os, kind, way,    n, i, j, t, v) {
	n = runs[os, kind, way] + 0
	for (i = 1; i <= n; i++)
		v[i] = all[os, kind, way, i]
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && v[j - 1] > v[j]; j--) {
			t = v[j]
			v[j] = v[j - 1]
			v[j - 1] = t
		}
	return n ? v[int((n + 1) / 2)] : 0
}

function cell(value, base) {
	return value ? sprintf("%14.0f %7.2f", value, value / base) : sprintf("%14s %7s", "-", "-")
}


function bar(os, way, colour, y, longest,    value) {
	value = median(os, "instructions", way)
	if (!value)
		return y
	printf "<text x=\"190\" y=\"%d\" text-anchor=\"end\">%s, %s</text>\n", y + 12, way, os > svg
	printf "<rect x=\"200\" y=\"%d\" width=\"%.1f\" height=\"15\" rx=\"2\" fill=\"%s\"/>\n", y, 400 * value / longest, colour > svg
	printf "<text x=\"%.1f\" y=\"%d\">%.0f</text>\n", 206 + 400 * value / longest, y + 12, value > svg
	return y + 20
}

END {
	base_way = ("by grant" in known) ? "by grant" : ways[1]
	base = median("allod", "instructions", base_way)
	wall = median("allod", "wall", base_way)
	if (!base || !wall) {
		print "bench: nothing to compare with" > "/dev/stderr"
		exit 1
	}
	printf "%s (%s): instructions, and how many times %s on Allod in instructions and in wall time\n\n", title, machine,
		numbers(base_way) ? "the first with the same numbers" : "\"" base_way "\""
	printf "%-20s %22s %7s %22s %7s\n", "", "Allod", "wall", "Linux", "wall"
	for (i = 1; i <= count; i++) {
		w = ways[i]
		if (numbers(w)) {
			base_way = first[numbers(w)]
			base = median("allod", "instructions", base_way)
			wall = median("allod", "wall", base_way)
		}
		printf "%-20s %s %s %s %s\n", w, cell(median("allod", "instructions", w), base), times(median("allod", "wall", w)),
			cell(median("linux", "instructions", w), base), times(median("linux", "wall", w))
		for (s = 1; s <= 2; s++) {
			value = median(s == 1 ? "allod" : "linux", "instructions", w)
			longest = value > longest ? value : longest
		}
	}
	json = out ".json"
	printf "{\"title\": \"%s\", \"machine\": \"%s\", \"base\": \"%s\", \"rows\": [", title, machine, base_way > json
	for (i = 1; i <= count; i++)
		for (s = 1; s <= 2; s++) {
			system_name = s == 1 ? "allod" : "linux"
			value = median(system_name, "instructions", ways[i])
			if (value)
				printf "%s\n {\"way\": \"%s\", \"system\": \"%s\", \"instructions\": %.0f, \"wall_ratio\": %.3f}", comma, ways[i],
					system_name, value, median(system_name, "wall", ways[i]) / \
						(numbers(ways[i]) ? median("allod", "wall", first[numbers(ways[i])]) : wall) > json
			comma = ","
		}
	print "\n]}" > json
	svg = out ".svg"
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", \
		50 + 40 * count > svg
	printf "<text x=\"10\" y=\"20\" font-size=\"14\">%s (%s), guest instructions</text>\n", title, machine > svg
	y = 36
	for (i = 1; i <= count; i++) {
		y = bar("allod", ways[i], "#b45309", y, longest)
		y = bar("linux", ways[i], "#9ca3af", y, longest)
	}
	print "</svg>" > svg
	printf "\nwritten: %s, %s\n", json, svg
}

function times(value) {
	return value ? sprintf("%7.2f", value / wall) : sprintf("%7s", "-")
}
