#!/bin/sh
# The order of the rooms of the Linux service and of the layers of the kernel holds, and scripts/rooms sees what is against it: each
# breach is planted in a copy of the sources and of the objects.
. "$(dirname "$0")/../check.sh"
cd "$root" || exit 1

same "no breach" "" "$(scripts/rooms)"

linux=services/linux
mkdir -p "$scratch/services" "$scratch/build/x86_64/service-obj/services"
cp -r $linux "$scratch/services"
cp -r kernel "$scratch"
cp -r build/x86_64/service-obj/$linux "$scratch/build/x86_64/service-obj/services"

# rooms: what is said of the copy.
rooms() {
	scripts/rooms "$scratch" "$scratch/build" | grep -v 'not needed$'
}

# planted FILE: the text on stdin becomes a source of the copy, with its object.
planted() {
	cat >"$scratch/$linux/$1"
	grep -v '^#include' "$scratch/$linux/$1" |
		gcc -c -o "$scratch/build/x86_64/service-obj/$linux/$1.o" -x c -ffreestanding -fno-pic -
}

same "the copy has no breach" "" "$(rooms)"

planted net/planted.c <<-end
	#include "services/linux/fs/9p_client.h"
end
same "a private header" "$linux/net/planted.c includes $linux/fs/9p_client.h, which is private to fs" "$(rooms)"

planted net/planted.c <<-end
	#include "services/linux/vas/vas.h"
end
same "a door behind" "$linux/net/planted.c includes $linux/vas/vas.h: vas comes behind net" "$(rooms)"

planted net/planted.c <<-end
	void tty_receive(void *, const char *, long);
	void planted(void);
	void planted(void) { tty_receive(0, 0, 0); }
end
same "a call to a room behind" "$linux/net/planted.c uses tty_receive of $linux/tty/tty.c: tty comes behind net" "$(rooms)"

planted net/planted.c <<-end
	extern char tty_receive[];
	char *const table[] = { tty_receive };
end
same "a function's address" "$linux/net/planted.c uses tty_receive of $linux/tty/tty.c: tty comes behind net" "$(rooms)"

planted proc/planted.c <<-end
	#include "services/linux/tty/tty.h"
	void tty_receive(void *, const char *, long);
	void planted(void);
	void planted(void) { tty_receive(0, 0, 0); }
end
rm "$scratch/$linux/net/planted.c"
same "a call to a room before" "" "$(rooms)"

echo 'except call proc/planted.c tty_console_hangup' >>"$scratch/$linux/rooms"
same "an exception for nothing" "$linux/rooms: the exception call proc/planted.c tty_console_hangup is not needed" \
	"$(scripts/rooms "$scratch" "$scratch/build" | grep planted)"
sed -i '$d' "$scratch/$linux/rooms"
rm "$scratch/$linux/proc/planted.c"

echo '#include "space.h"' >>"$scratch/kernel/frame.c"
same "a header of a layer above" "kernel/frame.c includes space.h: maps lies above memory" "$(rooms)"
echo '#include "types.h"' >"$scratch/kernel/planted.c"
cp kernel/frame.c "$scratch/kernel"
same "a file without a layer" "kernel/planted.c is in no layer: kernel/layers" "$(rooms)"
finish "rooms"
