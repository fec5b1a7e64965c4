#!/bin/bash
# `allod map`: a program makes spaces, grants, portals and calls and says which; exactly those must be in the map, of the running
# guest and of the finished one.
. "$(dirname "$0")/../check.sh"
allod=$root/build/allod
machine=${ARCH:-x86_64}
compiler=gcc
[ "$machine" = x86_64 ] || compiler=aarch64-linux-gnu-gcc
cd "$scratch" || exit 1

(cd "$root" && $compiler -std=gnu11 -O2 -g -Wall -Wextra -D_GNU_SOURCE -I. -Itests/guest -Itests/guest/"$machine" \
	-Iabi/"$machine" -Iliballod/include -static -pthread -o "$scratch/map" tests/guest/map.c build/"$machine"/liballod.a) || exit 1

# lines FILE: what the map says, in the program's words; of the program and the spaces it made
cat >lines.py <<'END'
import json, sys
map = json.load(open(sys.argv[1]))
own = next(s["number"] for s in map["spaces"] if s["name"] == "map")
names = {s["number"]: s["name"] for s in map["spaces"]}
linux = next(s["number"] for s in map["spaces"] if s["name"] == "linux")
ours = [s["number"] for s in map["spaces"] if own in (s["number"], s["manager"])]
for s in map["spaces"]:
    if s["number"] in ours:
        print("space %d %s manager %s system %s threads %d %s" % (
            s["number"], s["name"], names[s["manager"]], names.get(s["system"], "-"), s["threads"], s["end"])
            + (", %d bytes" % s["window"]["bytes"] if s["number"] != own else ""))
for g in map["grants"]:
    whole = g["owner"] == own and g["to"] == g["from"] == linux and g["rights"] == "rw" and g["bytes"] == map["window"]
    if g["owner"] in ours and not whole:
        print("grant %d parent %d owner %d from %d to %d %s start %d bytes %d" % (
            g["number"], g["parent"], g["owner"], g["from"], g["to"], " ".join([g["rights"]] + g["flags"]), g["start"],
            g["bytes"]))
for p in map["portals"]:
    if p["space"] in ours:
        print("portal %s of %d %s" % (p["address"], p["space"], p.get("symbol")))
for c in map["calls"]:
    if c["from"] in ours and c["to"] in ours:
        print("calls %d to %d: %d" % (c["from"], c["to"], c["calls"]))
for v in map["vases"]:
    assert "vas" in next(s["flags"] for s in map["spaces"] if s["number"] == v["space"])
    print("vas %d %s %s: %s, to %s" % (
        v["space"], v["name"], v["mode"],
        ", ".join("%s %s %d %d" % (s["name"], s["rights"], s["start"], s["bytes"]) for s in v["segments"]),
        ", ".join("%s %s" % (names[a["space"]], a["rights"]) for a in v["attached"])))
END

# right NAME OUTPUT MAP: the map has what the program said
right() {
	same "$1" "$(grep -v ^ready "$2" | sort)" "$(python3 lines.py "$3" | sort)"
}

"$allod" run --timeout 60 --map end.json -- ./map >end.out 2>end.err </dev/null
same "exit status" 0 "$?"
same "nothing on stderr" "" "$(cat end.err)"
right "finished guest" end.out end.json
same "services" "console_call fs_call serve_console serve_fs serve_linux" \
	"$(echo $(grep -oE '"symbol": "(serve|fs|console)_[a-z]*' end.json | cut -d'"' -f4 | sort))"
same "the process and its program" "{\"pid\": 2, \"exe\": \"$scratch/map\"" \
	"$(grep -oE '"pid": 2, "exe": "[^"]*"' end.json | sed 's/^/{/')"
same "text" "$(grep -c '^grant' end.out)" \
	"$("$allod" map end.json | grep -cE "$(sed -n 's/^grant \([0-9]*\) .*/#\1 /p' end.out | paste -sd'|')")"
same "picture" "yes 2" "$("$allod" map --svg end.json >end.svg && echo yes $(grep -c '>[0-9]* test.*server<' end.svg))"

# a running guest
name=test-$$
mkfifo input
"$allod" run --timeout 60 --cpus 2 --name "$name" -- ./map wait >run.out 2>run.err <input &
guest=$!
exec 3>input
for _ in $(seq 300); do
	grep -q '^ready' run.out && break
	sleep 0.1
done
"$allod" map --json "$name" >run.json
right "running guest" run.out run.json
"$allod" map --json "$name" >again.json &
"$allod" map --json "$name" >third.json
wait $!
right "asked again" run.out again.json
right "asked at the same time" run.out third.json
expect "name that is taken" 125 "allod: --name $name: another guest has that name" "$allod" run --name "$name" -- ./map
exec 3>&-
wait $guest
same "it went on" 0 "$?"
same "it said nothing" "" "$(cat run.err)"
expect "a guest that has ended" 125 "allod: $name: no running guest has that name, nor is it a file" "$allod" map "$name"
finish "allod map"
