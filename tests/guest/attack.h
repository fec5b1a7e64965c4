/* What attack.c and its parts for each machine (attack_machine.h) share. */
#ifndef TESTS_GUEST_ATTACK_H
#define TESTS_GUEST_ATTACK_H

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>

#include "native.h"
#include "tap.h"

static uint64_t own;
static unsigned shift;

static void find_self(void)
{
	struct space_info info;
	int64_t portal = native(CALL_portal_create, (uintptr_t)find_self, 0, 0, 0);

	native(CALL_portal_destroy, (uintptr_t)find_self, 0, 0, 0);
	native(CALL_space_info, 0, (uintptr_t)&info, 0, 0);
	own = info.number;
	for (shift = 32; shift < 48 && (uint64_t)portal != (own << shift | (uintptr_t)find_self); shift++)
		;
}

static bool is_fault(int number)
{
	return number == SIGSEGV || number == SIGBUS;
}

static int execute(uint64_t address)
{
	void (*function)(void) = (void (*)(void))(uintptr_t)tap_pointer(address);

	return TAP_TRY(function());
}

static bool out_of_reach(uint64_t address)
{
	return is_fault(tap_read(tap_pointer(address))) && is_fault(tap_write(tap_pointer(address))) &&
		execute(address) != 0;
}

static unsigned char *code; /* a page that can be written and executed */

#endif
