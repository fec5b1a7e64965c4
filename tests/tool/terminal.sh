#!/bin/sh
# The tool on a terminal, with a stand-in for the guest: raw mode and back, stopping and going on, size.
. "$(dirname "$0")/../check.sh"
PATH=$root/build/fake:$PATH
cd "$scratch" || exit 1

# session NAME COMMAND... with the script on stdin
session() {
	name=$1
	shift
	if "$root/build/pty" "$root/build/allod" run "$@" >log 2>&1; then
		pass
	else
		fail "$name" "$(cat log)"
	fi
}

session "raw while it runs, bytes pass through" -- sh -c 'echo ready; head -c 4 | od -c' <<'END'
wait ready
raw
send \x03a\r\x04
wait 003   a  \r 004
end 0
cooked
END
session "stops with the program and goes on with it" -- sh -c 'echo ready; kill -STOP $$; echo on; exit 5' <<'END'
wait ready
stopped
cooked
size 30 100
continue
wait size 30 100
wait on
end 5
cooked
END
session "put back when the tool is terminated" -- sh -c 'echo ready; kill -TERM $(ps -o ppid= -p $PPID); sleep 20' <<'END'
wait ready
end 143
cooked
END
finish "tool, terminal"
