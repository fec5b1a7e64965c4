/* More memory than a window holds, by plain pointers: in VASes that all show at the same addresses, and in spaces that are all
 * visible at once. A thread reaches every word by pointers that were stored there at the start and never changed. */
#include <sys/sysinfo.h>

#include <allod/grant.h>
#include <allod/space.h>

#include "vas.h"

enum { VASES = 9, NODES = 40, SPACES_MAX = 8, PAGE = 4096 };

static uint64_t end; /* of the range of VASes */

/* A place in [start, end) for the i-th node, far from all others. */
static uint64_t place(uint64_t start, uint64_t stop, unsigned i)
{
	uint64_t part = (stop - start) / NODES, at = i * 0x9e3779b97f4a7c15u >> 20;

	return start + i * part + at % (part - PAGE) / 16 * 16;
}

/* --- VASes: a list that goes to and fro between them --- */

struct far_node {
	struct far_node *next;
	int next_vid; /* where it is; 0: this was the last one */
	unsigned value;
};

static const char *vas_name(unsigned i)
{
	static char name[20];

	snprintf(name, sizeof(name), "window %u", i);
	return name;
}

/* One segment over the whole range in each. */
static bool make_vases(int vids[VASES], int sids[VASES])
{
	bool ok = true;

	for (unsigned i = 0; i < VASES; i++) {
		vids[i] = vas_create(vas_name(i), 0600);
		sids[i] = vas_seg_create(vas_name(i), base, end, 0600);
		ok = ok && vas_seg_attach(vids[i], sids[i], O_RDWR) == 0 && vas_attach(0, vids[i], O_RDWR) == 0;
	}
	return ok;
}

/* Node n is in VAS n % VASES; the list is made from its end. */
static bool make_far_list(const int vids[VASES])
{
	struct far_node *next = NULL;
	int next_vid = 0;

	for (unsigned n = VASES * NODES; n-- > 0;) {
		struct far_node *node = (struct far_node *)place(base, end, n / VASES);

		if (vas_switch(vids[n % VASES]) < 0 || node->next || node->value)
			return false;
		*node = (struct far_node){ next, next_vid, n };
		next = node;
		next_vid = vids[n % VASES];
	}
	return vas_set_root(vids[0], (uint64_t)next) == 0 && vas_switch(0) == 0;
}

/* -> the number of nodes, if they are in order. */
static unsigned walk_far_list(int vid)
{
	struct far_node *node;
	uint64_t root = 0;
	unsigned count = 0;

	vas_get_root(vid, &root);
	node = (struct far_node *)root;
	while (vid) {
		if (vas_switch(vid) < 0 || node->value != count++)
			return 0;
		vid = node->next_vid;
		node = node->next;
	}
	vas_switch(0);
	return count;
}

/* A program that knows the names only. */
static int find_and_walk(void)
{
	for (unsigned i = 0; i < VASES; i++)
		if (vas_attach(0, vas_find(vas_name(i)), O_RDONLY) < 0)
			return 1;
	return walk_far_list(vas_find(vas_name(0))) == VASES * NODES ? 0 : 2;
}

static void test_vases(void)
{
	int vids[VASES], sids[VASES];
	unsigned long gib = 1ul << 30;
	pid_t child;
	bool ok = true;

	check(make_vases(vids, sids), "VASes that are full of one segment");
	check(VASES * (end - base) > 4 * end && VASES * (end - base) > 30 * gib, "together more than four windows");
	check(make_far_list(vids), "a list over all of them");
	check(walk_far_list(vids[0]) == VASES * NODES, "is there");
	for (unsigned i = 0; i < VASES; i++)
		ok = ok && vas_detach(0, vids[i]) == 0;
	child = fork();
	if (child == 0) {
		execl(self_path, self_path, "walk", (char *)NULL);
		_exit(3);
	}
	check(ok && status_of(child) == 0, "another program walks it with the same pointers");
	check(vas_attach(0, vids[0], O_RDWR) == 0 && vas_switch(vids[0]) == 0, "into one of them");
	((volatile char *)base)[0] = 'a';
	((volatile char *)end)[-1] = 'z';
	check(tap_read((void *)base) == 0 && tap_read((void *)(end - 1)) == 0 &&
			tap_read((void *)(base - 1)) == SIGSEGV,
		"from its first byte to its last");
	vas_switch(0);
	vas_detach(0, vids[0]);
	for (unsigned i = 0; i < VASES; i++)
		unmake(vids[i], sids[i]);
}

/* --- spaces: a list that nobody has to switch for --- */

struct near_node {
	struct near_node *next;
	unsigned value;
};

static unsigned walk_near_list(const volatile struct near_node *node)
{
	unsigned count = 0;

	for (; node; node = node->next)
		if (node->value != count++)
			return 0;
	return count;
}

static struct near_node *make_near_list(struct allod_space *const spaces[], unsigned space_count, uint64_t from,
	uint64_t to)
{
	struct near_node *next = NULL;

	for (unsigned n = space_count * NODES; n-- > 0;) {
		struct near_node *node = allod_space_view(spaces[n % space_count], place(from, to, n / space_count));

		*node = (struct near_node){ next, n };
		next = node;
	}
	return next;
}

static int walk_when_granted(int in, int out, const struct near_node *list)
{
	uint32_t number = allod_self();
	char go;

	if (write(out, &number, sizeof(number)) != sizeof(number) || read(in, &go, 1) != 1)
		return 1;
	return (int)(walk_near_list(list) % 256);
}

static void test_spaces(void)
{
	uint64_t from = 2ul << 30, to = allod_layout.window / 2;
	unsigned space_count = (unsigned)(allod_layout.window / (to - from)) + 1, made = 0;
	struct allod_space *spaces[SPACES_MAX];
	int there[2], back[2], status;
	struct near_node *list;
	uint32_t number = 0;
	bool ok = true;
	pid_t child;

	while (made < space_count && made < SPACES_MAX) {
		spaces[made] = allod_space_create(NULL);
		ok = ok && allod_space_map(spaces[made++], from, to - from, ALLOD_R | ALLOD_W) == 0;
	}
	check(ok && made * (to - from) > allod_layout.window, "spaces with more memory than a window");
	list = make_near_list(spaces, made, from, to);
	check(walk_near_list(list) == made * NODES, "a list through all of them, without a switch");
	if (pipe(there) || pipe(back))
		return;
	child = fork();
	if (child == 0)
		_exit(walk_when_granted(there[0], back[1], list));
	ok = read(back[0], &number, sizeof(number)) == sizeof(number);
	for (unsigned i = 0; i < made; i++)
		ok = ok && allod_grant(allod_space_view(spaces[i], from), to - from, number, ALLOD_R) > 0;
	tell(there[1]);
	status = status_of(child);
	check(ok && WIFEXITED(status) && WEXITSTATUS(status) == (int)(made * NODES % 256),
		"another process walks it with the same pointers");
	for (unsigned i = 0; i < made; i++)
		allod_space_close(spaces[i]);
	check(tap_read(list) == SIGSEGV, "gone with its spaces");
	close(there[0]), close(there[1]), close(back[0]), close(back[1]);
}

/* --- more than the machine has --- */

enum { MUCH = 64 << 20 };

static void fill_by_hand(int vid)
{
	if (!enter(vid, O_RDWR))
		_exit(1);
	signal(SIGBUS, SIG_DFL);
	for (size_t i = 0; i < MUCH; i += PAGE)
		((volatile char *)base)[i] = 1;
	_exit(0);
}

static void fill_by_calls(int vid)
{
	int zero = open("/dev/zero", O_RDONLY);
	ssize_t n = 1;

	if (!enter(vid, O_RDWR))
		_exit(1);
	for (size_t i = 0; i < MUCH && n > 0; i += (size_t)n)
		n = read(zero, (char *)base + i, 1 << 20);
	_exit(n > 0 ? 0 : errno == EFAULT ? 2 : 3);
}

static void test_memory(void)
{
	char *much = malloc(MUCH / 8);

	memset(much, 1, MUCH / 8);
	_exit(much && much[MUCH / 8 - 1] == 1 ? 0 : 1);
}

/* What is in VASes outlives processes: to kill some would not help. Who wants more than there is is told, others go on. */
static void test_shortage(void)
{
	int vid = vas_create("much", 0600), sid = vas_seg_create("much", base, base + MUCH, 0600);
	void (*const fill[])(int) = { fill_by_calls, fill_by_hand };
	bool ok = vas_seg_attach(vid, sid, O_RDWR) == 0;
	struct sysinfo info;

	sysinfo(&info);
	for (unsigned i = 0; i < 2; i++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			fill[i](vid);
		status = status_of(child);
		if (info.totalram * info.mem_unit < MUCH)
			ok = ok && status == (i ? SIGBUS : 2 << 8);
		else
			ok = ok && status == 0;
	}
	check(ok, "a VAS with more than there is: SIGBUS, EFAULT");
	/* What is there can be read, and others have memory. */
	check(enter(vid, O_RDONLY) && ((volatile char *)base)[0] == 1 && leave(vid), "what is there stays");
	unmake(vid, sid);
	check(tap_child(test_memory) == 0, "and is given back with it");
}

int main(int argc, char **argv)
{
	uint64_t range[2] = { 0, 0 };

	start(argv);
	vas_range(range);
	end = range[1];
	if (argc > 1)
		return find_and_walk();
	test_vases();
	test_spaces();
	test_shortage();
	return tap_end();
}
