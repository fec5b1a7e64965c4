#!/bin/sh
# Every bad input gets one clear line and the right exit status, without a guest being started.
. "$(dirname "$0")/../check.sh"
allod=$root/build/allod
cd "$scratch" || exit 1

# bytes FILE OFFSET OCTAL...: changes bytes of a file
bytes() {
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

run() {
	name=$1 status=$2 line=$3
	shift 3
	expect "$name" "$status" "allod: $line" "$allod" run "$@"
}

expect "no command" 125 "allod: no command given (allod help lists them)" "$allod"
expect "unknown command" 125 "allod: unknown command fly (allod help lists them)" "$allod" fly
run "no program" 125 "no program given: allod run [OPTION...] -- PROGRAM [ARG...]" --cpus 2 --
run "unknown option" 125 "unknown option --colour (allod help lists the options)" --colour=red -- true
run "unknown letter" 125 "unknown option -x (allod help lists the options)" -x -- true
run "option without its value" 125 "option --root needs a value: DIR" --root
run "value for a flag" 125 "option --gdb takes no value" --gdb=1 -- true

# programs
printf 'hello\n' >text
printf '#!/nowhere/interpreter -x\n' >script
printf '#!%s/script\n' "$scratch" >script2
printf '#!\n' >script3
printf '#!%s/loop\n' "$scratch" >loop
cp /bin/true plain && cp plain arm && cp plain bits32 && cp plain object && cp plain damaged && cp plain lost
bytes arm 18 '\267\000'
bytes bits32 18 '\003\000'
bytes object 16 '\001\000'
head -c 40 plain >damaged
sed 's,/lib64/ld-linux,/lib64/no-linux,' plain >lost
printf '\177ELF' >tiny
: >empty
chmod +x text script script2 script3 loop arm bits32 object damaged lost tiny empty
cp plain private && chmod 644 private
mkdir dir

run "no such program in PATH" 127 "no-such-program: no such program" -- no-such-program
run "no such program by path" 127 "./nothing: no such program" -- ./nothing
run "a file as a directory" 127 "./text/x: no such program" -- ./text/x
run "empty name" 127 ": no such program" -- ''
run "not executable" 126 "./private: not executable" -- ./private
run "directory" 126 "./dir: is a directory" -- ./dir
run "device" 126 "/dev/null: not executable" -- /dev/null
run "text" 126 "./text: not an ELF file and not a script that begins with #!" -- ./text
run "empty file" 126 "./empty: not an ELF file and not a script that begins with #!" -- ./empty
run "other machine" 126 "./arm: a program for arm64, the guest is x86-64" --arch x86_64 -- ./arm
run "32-bit machine" 126 "./bits32: a program for 32-bit x86, the guest is x86-64 or arm64" -- ./bits32
run "not a program" 126 "./object: an ELF file, but not a program" -- ./object
run "cut ELF file" 126 "./damaged: damaged ELF file: invalid \`Elf' handle" -- ./damaged
run "tiny ELF file" 126 "./tiny: damaged ELF file: invalid \`Elf' handle" -- ./tiny
run "missing ELF interpreter" 127 \
	"./lost: its interpreter /lib64/no-linux-x86-64.so.2: No such file or directory" -- ./lost
run "missing #! interpreter" 127 "./script: its interpreter /nowhere/interpreter: No such file or directory" -- ./script
run "#! of a bad script" 127 \
	"$scratch/script: its interpreter /nowhere/interpreter: No such file or directory" -- ./script2
run "#! without a name" 126 "./script3: no interpreter behind #!" -- ./script3
run "endless #!" 126 "$scratch/loop: too many #! interpreters after each other" -- ./loop

# options
run "no root" 125 "--root $scratch/none: No such file or directory" --root "$scratch/none" -- true
run "root is a file" 125 "--root text: not a directory" --root text -- true
run "program not in root" 127 "true: no such program" --root dir -- true
run "too little memory" 125 "--memory 8M: too little memory, the guest needs at least 24M" --memory 8M -- true
run "too much memory" 125 "--memory 65G: too much memory, the guest can use at most 64G" --memory 65G -- true
run "overflowing memory" 125 "--memory 99999999999999999999M: expected a size such as 512M or 2G" \
	--memory 99999999999999999999M -- true
run "strange memory" 125 "--memory much: expected a size such as 512M or 2G" --memory much -- true
run "no processors" 125 "--cpus 0: expected a number from 1 to 8" --cpus 0 -- true
run "too many processors" 125 "--cpus 9: expected a number from 1 to 8" --cpus=9 -- true
run "bad timeout" 125 "--timeout soon: expected a number of seconds" --timeout soon -- true
run "share without a place" 125 "--share /tmp: expected HOST:GUEST or HOST:GUEST:rw" --share /tmp -- true
run "share at a relative place" 125 "--share /tmp:x: the guest's path must begin with /" --share /tmp:x -- true
run "share with a strange mode" 125 "--share /tmp:/x:rx: the mode is rw or ro" --share /tmp:/x:rx -- true
run "share of nothing" 125 "--share none: No such file or directory" --share none:/x -- true
run "eight shares" 125 "--share: at most 7 directories can be shared" --share .:/1 --share .:/2 --share .:/3 \
	--share .:/4 --share .:/5 --share .:/6 --share .:/7 --share .:/8 -- true
run "log into nowhere" 125 "--kernel-log none/log: No such file or directory" --kernel-log none/log -- true
run "statistics into nowhere" 125 "--stats none/log: No such file or directory" --stats none/log -- true
run "map into nowhere" 125 "--map none/map: No such file or directory" --map none/map -- true
run "empty name" 125 "--name : a name has 1 to 64 characters and no /" --name= -- true
run "name with a slash" 125 "--name a/b: a name has 1 to 64 characters and no /" --name a/b -- true

# maps
map() {
	name=$1 line=$2
	shift 2
	expect "map: $name" 125 "allod: $line" "$allod" map "$@"
}

start='{"window": 1, "other_calls": 0, "system_calls": 0'
map "nothing named" "allod map takes one name of a running guest, or one file of allod run --map"
map "two names" "allod map takes one name of a running guest, or one file of allod run --map" text text
map "unknown option" "unknown option --png (allod map [--json | --svg] NAME | FILE)" --png text
map "no such guest or file" "nobody: no running guest has that name, nor is it a file" nobody
map "directory" "dir: Is a directory" dir
map "empty file" "empty: not a map: line 1: '[' or '{' expected near end of file" empty
map "text" "text: not a map: line 1: '[' or '{' expected near 'hello'" text
map "program" "plain: not a map: line 1: '[' or '{' expected near '?'" plain
echo '[1]' >list
map "other JSON" "list: not a map: Expected object, got array" list
echo "$start}" >lists
map "no lists" 'lists: not a map: it has no list "spaces"' --json lists
echo "$start, \"spaces\": [5]}" >space
map "strange space" "space: not a map: spaces[0]: Expected object, got integer" --svg space
echo "$start, \"spaces\": [], \"grants\": [{\"number\": 1}]}" >grant
map "incomplete grant" "grant: not a map: grants[0]: Object item not found: parent" grant
echo "$start, \"spaces\": [], \"grants\": [], \"portals\": [{\"space\": -5, \"entry\": 1, \"address\": \"\"}]}" >portal
map "negative number" "portal: not a map: portals[0]: a negative number" portal
yes '[' | head -n 100000 >deep
map "deep file" "deep: not a map: line 2049: maximum parsing depth reached near '['" deep
empty_map="$start, \"spaces\": [], \"grants\": [], \"portals\": [], \"calls\": [], \"processes\": [], \"vases\": []}"
echo "$empty_map" >good
same "map without anything" 0 "$("$allod" map good >/dev/null; echo $?)"
mkdir nothing
without_dot() {
	PATH=$scratch/nothing "$allod" map --svg good
}
expect "graphviz absent" 125 "allod: dot is not installed; it is in the Debian package graphviz" without_dot
bad_dot() {
	PATH=$scratch/baddot:$PATH "$allod" map --svg good
}
mkdir baddot && printf '#!/bin/sh\nexit 3\n' >baddot/dot && chmod +x baddot/dot
expect "graphviz fails" 125 "allod: dot failed with status 3" bad_dot
full() {
	"$allod" map good >/dev/full
}
expect "nowhere to write" 125 "allod: standard output: No space left on device" full

if [ "$(id -u)" != 0 ]; then
	mkdir closed && chmod 0 closed
	run "unreadable root" 125 "--root closed: Permission denied" --root closed -- true
else
	# root reads everything, but not as another user
	mkdir closed && chmod 0 closed && chmod 755 "$scratch"
	if command -v setpriv >/dev/null && setpriv --reuid=65534 --clear-groups test -x "$allod"; then
		expect "unreadable root" 125 "allod: --root closed: Permission denied" \
			setpriv --reuid=65534 --clear-groups "$allod" run --root closed -- true
	fi
fi

# the machine
mkdir bin
run_without_qemu() {
	PATH=$scratch/bin "$allod" run -- /bin/true
}
expect "QEMU absent" 125 \
	"allod: qemu-system-x86_64 is not installed; it is in the Debian package qemu-system-x86" run_without_qemu
cp "$allod" alone
expect "tool without its kernel" 125 "allod: $scratch/x86_64/allod.elf: No such file or directory (run make)" \
	./alone run -- true
finish "tool, bad input"
