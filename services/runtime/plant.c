/* Planted mistakes: plant.h. */
#include "plant.h"

#include "service.h"

i64 plant(u64 kind)
{
	volatile u64 *nowhere = NULL;

	if (!(service_start->words[11] & 1))
		return -E_NOSYS;
	/* The compiler must not see that this is NULL. */
	__asm__ volatile("" : "+r"(nowhere));
	switch (kind) {
	case PLANT_NULL:
		return (i64)*nowhere;
	case PLANT_WILD_WRITE:
		/* Into the window of the first space, init's. */
		nowhere = (volatile u64 *)address_in(address_space(service_start->registry), 0x400000);
		*nowhere = ~0ull;
		return 0;
	case PLANT_LOOP:
		for (;;)
			native_relax();
	default:
		return -E_INVAL;
	}
}
