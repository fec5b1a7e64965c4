#!/bin/sh
# The tool's relay, with a stand-in for QEMU that runs the program on this machine.
. "$(dirname "$0")/../check.sh"
PATH=$root/build/fake:$PATH
allod=$root/build/allod
cd "$scratch" || exit 1

run() {
	"$allod" run "$@"
}

same "help says how to use it" 0 "$("$allod" help >/dev/null; echo $?)"
same "version" "allod" "$("$allod" --version | cut -d' ' -f1)"

head -c 20000000 /dev/urandom >data
same "binary-clean, both ways" "$(cksum <data)" "$(run -- cat <data | cksum)"
same "slow reader" "$(cksum <data)" "$(run -- cat <data | (sleep 0.3; cksum))"
same "slow writer" "$(printf 'a\nb')" "$( (echo a; sleep 0.2; echo b) | run -- cat)"
same "end of input" "0" "$(run -- wc -c </dev/null)"
same "closed input" "0" "$(run -- wc -c <&-)"
same "input that is not read" "0" "$(run -- true <data; echo $?)"
same "stdout and stderr apart" "out/err" "$(run -- sh -c 'echo out; echo err >&2' 2>err)/$(cat err)"
same "output at the end is not lost" "$(cksum <data)" "$(run -- sh -c 'cat data' | cksum)"
same "exit status" 7 "$(run -- sh -c 'exit 7'; echo $?)"
same "signal" 137 "$(run -- sh -c 'kill -9 $$'; echo $?)"
same "arguments" "a b||-x|c" "$(run -- sh -c 'IFS="|"; echo "$*"' sh 'a b' '' -x c)"
same "environment" "per cent" "$(ALLOD_X='per cent' run -- sh -c 'echo "$ALLOD_X"')"
same "working directory" "$(pwd -P)" "$(run -- sh -c 'pwd -P')"
same "reader that goes away" 141 "$( (run -- yes; echo $? >status) | head -n 1 >/dev/null; cat status)"
same "terminated" 143 "$("$allod" run -- sleep 20 & sleep 0.2; kill $!; wait $!; echo $?)"
"$allod" run -- sh -c 'echo $PPID >guest; sleep 20' &
await test -s guest
{ kill -9 $! && wait $!; } 2>/dev/null
await test ! -e "/proc/$(cat guest)/exe"
same "the guest dies with the tool" "" "$(readlink "/proc/$(cat guest)/exe")"

expect "timeout" 125 "allod: timeout: the program did not end within 0.2 s" "$allod" run --timeout 0.2 -- sleep 20
expect "guest killed from outside" 125 "allod: the guest was killed from outside (signal 9, Killed)" \
	"$allod" run -- sh -c 'kill -9 $PPID'
FAKE_SILENT=1 expect "guest that stops" 125 \
	"allod: the guest stopped before the program ended (QEMU's exit status 7)" "$allod" run -- true
FAKE_STATS=1 run --stats stats -- true
same "statistics" '{"wall_ns": N, "boot": 1}' "$(sed 's/[0-9][0-9]*,/N,/' stats)"
expect "no statistics" 0 "allod: --stats stats: the guest sent no statistics" "$allod" run --stats stats -- true

FAKE_MAP='{"spaces": []}' run --map map.json -- true
same "map" '{"spaces": [],"machine": "x86_64"}' "$(tr -d '\n' <map.json)"
expect "no map" 0 "allod: --map map.json: the guest sent no map" "$allod" run --map map.json -- true
FAKE_MAP='{"spaces": [}' expect "damaged map" 0 "allod: --map map.json: the guest sent no map" "$allod" run --map map.json -- true
FAKE_MAP='' expect "empty map" 0 "allod: --map map.json: the guest sent no map" "$allod" run --map map.json -- true
finish "tool, relay"
