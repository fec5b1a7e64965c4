/* Linux system calls with random arguments, some of them nearly right: each must return or end the process that makes it, and the
 * Linux service must go on (tests/guest/run also looks for its faults in the kernel's log). Runs on Allod only, because the calls
 * may do harm. The seed is fixed. */
#include <fcntl.h>

#include "native.h"
#include "random_linux.h"
#include "tap.h"

enum { CHILDREN = 400, CALLS = 300 };

static void misbehave(unsigned which)
{
	random_linux(which, CALLS, linux_is_left_out);
	_exit(0);
}

static void test_strange(void)
{
	unsigned ended = 0;

	for (unsigned i = 0; i < CHILDREN; i++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			misbehave(i);
		for (int n = 0; n < 50 && waitpid(child, &status, WNOHANG) == 0; n++)
			usleep(2000);
		kill(child, SIGCONT);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		ended += kill(child, 0) == -1;
	}
	check(ended == CHILDREN, "400 children that make strange calls end");
}

static void works(void)
{
	char text[10] = "";
	int ends[2], file = open("after", O_RDWR | O_CREAT, 0600);

	if (pipe(ends) < 0 || write(ends[1], "abc", 3) != 3 || read(ends[0], text, 10) != 3 ||
		write(file, text, 3) != 3 || lseek(file, 0, SEEK_END) != 3)
		_exit(1);
}

int main(void)
{
	if (!check(native_present(), "this is Allod"))
		return tap_end();
	tap_directory("strange");
	test_strange();
	check(native(CALL_fail, 0, 1, 0, 0) == -E_NOSYS && access("/proc/thread-self/fail-nth", F_OK) == -1,
		"nobody has allocations fail who was not booted for it");
	check(tap_child(works) == 0, "files and pipes work afterwards");
	return tap_end();
}
