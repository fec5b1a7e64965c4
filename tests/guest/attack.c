/* What an unprivileged process must not be able to do: reach memory that was not granted, use what belongs to others, become
 * privileged, confuse the kernel through odd instructions or registers. Runs on Allod only. */
#include "attack_machine.h"

/* --- memory --- */

static void test_kernel_memory(void)
{
	bool reached = false;
	static struct shield_page pages[32];
	int64_t n = native(CALL_shield_list, (uintptr_t)pages, 32, 0, 0);

	for (uint64_t top = 0; top < 256; top++)
		reached |=
			!out_of_reach(0xff00000000000000 | top << 48) || !out_of_reach(0xffff800000000000 | top << 39);
	for (uint64_t i = 0; i < 1024; i++)
		reached |= !out_of_reach(0xffffffff80000000 + i * 0x200000);
	check(!reached, "the kernel's half cannot be reached");
	reached = false;
	for (int64_t i = 0; i < n && i < 32; i++)
		for (uint64_t at = 0; at < pages[i].bytes && at < 65536; at += 256)
			reached |= !out_of_reach(pages[i].va + at);
	check(n > 0 && !reached, "the pages visible under the shield cannot be reached");
}

static void test_other_spaces(void)
{
	static const uint64_t offsets[] = { 0, 0x1000, 0x10000, 0x400000, 0x401000, 0x500000, 0x600000, 0x10000000,
		STACKLET_BASE + STACKLET_SIZE - 8, STACKLET_BASE + 2 * STACKLET_SIZE - 8, 0x80000000, 0x100000000 };
	static const int value = 4711;
	bool reached = false;

	check(*(volatile const int *)tap_pointer(own << shift | (uintptr_t)&value) == 4711,
		"the own slot shows the own memory");
	for (uint64_t n = 1; n < 300; n++)
		for (size_t i = 0; n != own && i < sizeof(offsets) / sizeof(offsets[0]); i++)
			reached |= !out_of_reach(n << shift | offsets[i]);
	check(!reached, "no memory of other spaces can be reached");
	reached = false;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		for (uint64_t n = 1; n < 64; n++)
			reached |= n != own && syscall(SYS_write, 1, n << shift | offsets[i], 0x10) != -1;
	check(!reached, "nor through the Linux service");
}

static bool refused(int64_t result)
{
	return result == -E_PERM || result == -E_NOENT || result == -E_INVAL || result == -E_DEAD;
}

static void test_other_objects(void)
{
	bool fine = true;

	for (uint64_t n = 1; n < 200; n++) {
		if (n == own)
			continue;
		fine &= refused(native6(CALL_map, n, 0x10000000, PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0).w0);
		fine &= refused(native(CALL_unmap, n, 0x400000, PAGE_SIZE, 0));
		fine &= refused(native(CALL_protect, n, 0x400000, PAGE_SIZE, RIGHT_R | RIGHT_W | RIGHT_X));
		fine &= refused(native(CALL_remap, n, 0x400000, PAGE_SIZE, 0x30000000));
		fine &= refused(native(CALL_space_destroy, n, 0, 0, 0));
		fine &= refused(native(CALL_space_wait, n, 0, 0, 0));
		fine &= refused(native(CALL_space_fork, n, 0, 0, 0)) && refused(native(CALL_space_fork, 0, n, 0, 0));
		fine &= refused(native(CALL_frame_set_space, n, 0, 0, 0));
		fine &= refused(native(CALL_grant, n << shift | 0x400000, PAGE_SIZE, own, RIGHT_R));
		fine &= refused(native(CALL_grant, n << shift | 0x400000, 1, own, RIGHT_P));
		fine &= refused(portal_call(n << shift | 0x400000, 0, 0).w0);
	}
	check(fine, "other spaces cannot be changed");
	for (uint64_t n = 1; n < 2000; n++) {
		fine &= refused(native6(CALL_map, 0, 0x30000000, PAGE_SIZE, RIGHT_R, n, 0).w0);
		fine &= refused(native(CALL_segment_destroy, n, 0, 0, 0)) &&
			refused(native(CALL_segment_evict, n, 0, 1, 0)) &&
			refused(native(CALL_segment_end, n, 0, 0, 0));
		fine &= refused(native(CALL_segment_supply, n, 0, 1, (uintptr_t)find_self & ~0xffful));
		fine &= refused(native(CALL_revoke, n, 0, 0, 0));
		fine &= refused(native(CALL_thread_interrupt, n, 0, 0, 0)) || n < 50;
		native(CALL_unmap, 0, 0x30000000, PAGE_SIZE, 0);
	}
	check(fine, "segments and grants of others cannot be used");
}

static void test_privileges(void)
{
	struct space_spec spec = { .name = "trusted" };
	struct thread_spec thread = { .ip = (uintptr_t)find_self };
	bool fine = true;

	for (uint32_t flags = 1; flags < 4; flags++) {
		spec.flags = flags;
		fine &= native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0) == -E_PERM;
	}
	check(fine, "no trusted space can be made");
	spec.flags = 0;
	spec.system = 1;
	check(refused(native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0)), "a shielded space cannot be a system");
	check(native(CALL_segment_device, 0xfeb00000, PAGE_SIZE, 0, 0) == -E_PERM &&
			native(CALL_segment_contiguous, 1, 0, 0, 0) == -E_PERM,
		"no device memory");
	check(native(CALL_power_off, 0, 0, 0, 0) == -E_PERM, "no power-off");
	for (uint64_t line = 0; line < 300; line++)
		fine &= native(CALL_irq_attach, line, (uintptr_t)&fine, 0, 0) < 0 &&
			native(CALL_irq_grant, line, own, 0, 0) < 0 && native(CALL_irq_done, line, 0, 0, 0) < 0;
	check(fine, "no interrupt lines");
	check(refused(native(CALL_thread_create, (uintptr_t)&thread, 0, 0, 0)), "no thread behind the system's back");
	check(native(CALL_thread_exit, 0, 0, 0, 0) < 0 && native(CALL_space_destroy, 0, 0, 0, 0) < 0 &&
			native(CALL_space_destroy, own, 0, 0, 0) < 0,
		"no end behind the system's back");
	check(native(CALL_system_return, 0, 0, 0, 0) < 0 && portal_return(0, 0) < 0, "no forged return");
	check(native(CALL_portal_create, 0xffff800000000000, 0, 0, 0) < 0 &&
			native(CALL_portal_create, 1ul << shift, 0, 0, 0) < 0 &&
			native(CALL_portal_create, 0x8000000000000000, 0, 0, 0) < 0,
		"no portal outside of the window");
	check(native(CALL_grant, own << shift | 0x400000, 0, 1, RIGHT_R) < 0 &&
			native(CALL_grant, own << shift | 0x400000, PAGE_SIZE, own, RIGHT_R) < 0 &&
			native(CALL_grant, own << shift | 0x400000, ~0ul, 1, RIGHT_R) < 0,
		"no odd grants");
}

int main(void)
{
	if (!check(native_present(), "this is Allod"))
		return tap_end();
	find_self();
	tap_catch_faults();
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(code != MAP_FAILED && own > 0 && shift < 48, "preparations");
	test_kernel_memory();
	test_other_spaces();
	test_other_objects();
	test_privileges();
	test_machine();
	return tap_end();
}
