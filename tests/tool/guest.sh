#!/bin/bash
# `allod run` with a real guest: options, terminal, and ends of all kinds. What programs print is compared in tests/runs.
# ARCH=arm64: the guest is that machine, with its programs in the tree that scripts/root makes.
. "$(dirname "$0")/../check.sh"
allod=$root/build/allod
programs=
cd "$scratch" || exit 1

if [ "${ARCH:-x86_64}" != x86_64 ]; then
	programs=$root/build/$ARCH/programs
	"$root/scripts/root" "$ARCH" "$programs" || exit 1
	printf '#!/bin/sh\nshift\nexec "%s" run --root "%s" --share "%s:%s" "$@"\n' "$allod" "$programs" "$scratch" "$scratch" >allod
	chmod +x allod
	allod=$scratch/allod
fi

run() {
	"$allod" run --timeout 170 "$@"
}

# session NAME WORDS...: `allod run WORDS` on a terminal, with the script on stdin
session() {
	name=$1
	shift
	if "$root/build/pty" "$allod" run --timeout 170 "$@" >log 2>&1; then
		pass
	else
		fail "$name" "$(tr -d '\0' <log)"
	fi
}

same "hello" HELLO "$(echo hello | run -- busybox tr a-z A-Z)"
same "exit status" 7 "$(run -- sh -c 'exit 7'; echo $?)"
same "killed" 137 "$(run -- sh -c 'kill -9 $$'; echo $?)"
same "stdout and stderr apart" "out/err" "$(run -- sh -c 'echo out; echo err >&2' 2>err)/$(cat err)"
expect "nothing on stderr" 0 "" "$allod" run -- true
same "input that is not read" 0 "$(yes | run -- true; echo "${PIPESTATUS[1]}")"
same "closed input" 0 "$(run -- wc -c <&-)"
same "reader that goes away" 141 "$(run -- yes | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}")"
same "environment" "per cent" "$(ALLOD_X='per cent' run -- sh -c 'echo "$ALLOD_X"')"
same "working directory" "$(pwd -P)" "$(run -- pwd)"
same "mask" "$(umask 027; umask)" "$(umask 027; run -- sh -c umask)"
same "identity" "$(id -u):$(id -g)" "$(run -- sh -c 'echo $(id -u):$(id -g)')"
day=$(run -- date +%Y-%m-%d) # before midnight, perhaps
same "date" yes "$([ "$day" = "$(date -d '1 minute ago' +%Y-%m-%d)" ] || [ "$day" = "$(date +%Y-%m-%d)" ] && echo yes)"
same "one processor" 1 "$(run -- nproc)"
same "four processors" 4 "$(run --cpus 4 -- nproc)"
same "32 MiB are enough" small "$(run --memory 32M -- busybox echo small)"
same "24 MiB are enough" small "$(run --memory 24M -- busybox echo small)"
same "memory runs out" "137 alive" "$(run --memory 64M -- sh -c 'perl -e '\''$x = "a" x 1000; push @a, $x . rand while 1'\'' 2>/dev/null
	echo $? alive')"
same "files larger than memory" "$(head -c 100M /dev/zero | cksum) 0" \
	"$(head -c 100M /dev/zero >large; run --memory 64M -- sh -c 'echo $(cksum <large; find /usr/lib/*-linux-gnu >/dev/null; echo $?)'; rm large)"
# They stop growing after 8 s: the shell comes to its turn at last, however slow the guest.
same "too many processes" "alive" "$(run --memory 32M -- bash -c '(f() { [ $SECONDS -lt 8 ] && f | f & }; f) 2>/dev/null
	while [ $SECONDS -lt 10 ]; do sleep 1; done; echo alive')"

# directories
mkdir -p tree/bin tree/etc there
cp "$programs/bin/busybox" tree/bin/
echo inside >tree/etc/file
echo shared >there/file
same "other root" inside "$(run --root tree -- /bin/busybox cat /etc/file)"
same "nothing outside of it" 1 "$(run --root tree -- /bin/busybox cat /usr/bin/env 2>/dev/null; echo $?)"
same "root is not written to" "new inside" "$(run --root tree -- /bin/busybox sh -c 'echo new >/etc/file; cat /etc/file') $(cat tree/etc/file)"
same "shared directory" shared "$(run --share there:/mnt -- cat /mnt/file)"
same "shared read-only" "shared" "$(run --share there:/mnt -- sh -c 'echo x >/mnt/file' 2>/dev/null; cat there/file)"
same "shared for writing" "more text" "$(run --share there:/mnt:rw -- sh -c 'echo more text >/mnt/new'; cat there/new)"
same "program in a shared directory" "found" "$(printf '#!/bin/sh\necho found\n' >there/prog; chmod +x there/prog; run --share there:/mnt -- /mnt/prog)"

# nosuid and nodev: who owns the files on the host is nobody's privilege here
mkdir -m 777 made
cat >made/nobody <<'END'
use POSIX;
umask 0; setgid(65534); setuid(65534); exec @ARGV;
END
cat >made/script <<'END'
cp "$(command -v id)" /mnt/id
chmod 6755 /mnt/id
stat -c '%a %u' /mnt/id
END
same "set-user-ID in a shared directory" "6755 65534 65534 755" "$(run --share made:/mnt:rw -- sh -c '
	perl /mnt/nobody sh /mnt/script; perl /mnt/nobody /mnt/id -u' | tr '\n' ' ')$(stat -c %a made/id)"
same "set-user-ID from the host" 65534 "$(cp "$(command -v id)" made/host
	[ -z "$programs" ] || cp "$programs"/usr/bin/id made/host; chmod 4755 made/host
	run --share made:/mnt:rw -- perl /mnt/nobody /mnt/host -u)"
same "device in a shared directory" "no yes" "$(run --share made:/mnt:rw -- sh -c 'mknod /mnt/null c 1 3
	(echo >/mnt/null) 2>/dev/null && echo yes || echo no; grep -q " /mnt .*nosuid,nodev" /proc/mounts && echo yes' | tr '\n' ' ' |
	sed 's/ $//')"

# files the tool writes
run --kernel-log log.txt --stats stats.json -- true
same "kernel log" yes "$([ -s log.txt ] && echo yes)"
same "statistics" ok "$(lua5.4 - stats.json <<'END'
local text = io.open(arg[1]):read("a")
-- A small reader of JSON: turns it into a Lua table.
local lua = text:gsub('"([^"]*)"%s*:', '["%1"]='):gsub("%[%s*{", "{{"):gsub("}%s*%]", "}}"):gsub("%[%]", "{}")
local stats = assert(load("return " .. lua))()
print(stats.wall_ns > 0 and stats.boot_ns > 0 and "ok" or "incomplete")
END
)"

# deterministic, but for the random bases of the kernel, which now and then need one page table more
count() {
	run --icount --append nokaslr --stats "$1" -- true && grep -o '"boot_instructions": *[0-9]*' "$1"
}
same "icount repeats" "$(count a.json)" "$(count b.json)"

# ends
"$allod" run --timeout 1 --stats late.json -- sleep 20 2>err
same "timeout" "125 allod: timeout: the program did not end within 1 s" "$? $(head -n 1 err)"
same "where it stood then" 1 "$(grep -cE '^allod: space [0-9]+ sleep, thread [0-9]+: waits' err)"
same "statistics of it" yes "$([ -s late.json ] && echo yes)"
"$allod" run -- sleep 100 2>err &
await pgrep -P $! >/dev/null
kill -9 "$(pgrep -P $!)"
wait $!
same "guest killed from outside" "125 allod: the guest was killed from outside (signal 9, Killed)" "$? $(cat err)"
"$allod" run -- sleep 20 &
sleep 0.5
kill $!
wait $! 2>/dev/null
same "terminated" 143 $?

session "size" -- sh -c 'stty size; trap "stty size" WINCH; echo ready; while :; do sleep 0.1; done' <<'END'
wait 24 80
wait ready
size 30 100
wait 30 100
send \x03
end 130
cooked
END
session "lines are edited and echoed" -- cat <<'END'
send helly\x7fo\r
wait hello
wait hello
send \x04
end 0
END
session "Ctrl-C" -- sh -c 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.1; done' <<'END'
wait ready
send \x03
wait caught
end 9
END
session "Ctrl-\\" -- sh -c 'echo ready; exec sleep 20' <<'END'
wait ready
send \x1c
end 131
END
session "Ctrl-Z" -- sh -c 'echo ready; read x; echo got $x' <<'END'
wait ready
send \x1a
stopped
cooked
continue
send word\r
wait got word
end 0
cooked
END
session "an interactive shell" -- bash --norc --noprofile -i <<'END'
send echo $((6 * 7)); tty\r
wait 42
wait /dev/
send sh -c 'echo on""ce; exec sleep 50'\r
wait once
send \x1a
wait Stopped
send jobs\r
wait Stopped
send kill %1; exit 4\r
END
finish "allod run"
