/* Portal calls of a program that uses MPX: the callee sees nothing of the bounds registers, and the caller has them back
 * afterwards. */
#include "tap.h"

#include <allod/portal.h>

#include "mpx.h"

/* All bits of the bounds registers, BNDCFGU and BNDSTATUS, if they are not in their initial state. */
static uint64_t mpx_bits(void)
{
	static uint8_t image[4096] __attribute__((aligned(64)));
	uint64_t words[8], bits = 0;

	memset(image, 0, sizeof(image));
	__asm__ volatile("xsave64 (%0)" : : "r"(image), "a"(0x18), "d"(0) : "memory");
	for (unsigned component = 3; component <= 4; component++) {
		memcpy(words, image + mpx_component(component), sizeof(words));
		for (unsigned i = 0; i < (component == 3 ? 8 : 2) && image[512] >> component & 1; i++)
			bits |= words[i];
	}
	return bits;
}

/* Runs in the other space. */
static long look(long spoil)
{
	long found = (long)mpx_bits();

	if (spoil)
		mpx_set_config(spoil | MPX_ENABLE);
	return found;
}
ALLOD_PORTAL(long, look, (long, spoil))

int main(void)
{
	struct allod_space *space;
	void *directory = mpx_directory();
	struct mpx_bounds b = mpx_bounds(directory, (char *)directory + 77);
	uint64_t config, status, wish = (uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE;
	long found = 0;
	bool kept = true;
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	space = allod_sandbox(NULL);
	if (!check(mpx_is_there() && space, "a space to call"))
		return tap_end();
	mpx_set_config(wish);
	check(prctl(PR_MPX_ENABLE_MANAGEMENT, 0, 0, 0, 0) == 0, "enable");
	mpx_store(memory, memory, b);
	for (unsigned i = 0; i < 1000; i++) {
		mpx_put(&b);
		found |= look_in(space, i & 1 ? 0x12345000 : 0);
		kept = kept && mpx_same(mpx_get(), b);
	}
	mpx_control(&config, &status);
	check(found == 0, "the callee finds neither bounds nor configuration");
	check(kept && config == wish, "the caller has both back, whatever the callee did");
	check(mpx_same(mpx_load(memory, memory), b), "and its tables");
	return tap_end();
}
