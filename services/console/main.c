/* The console driver: the program's streams and the control line to the host tool, through a virtio-console device with
 * several ports. Calls run on the threads of its clients, many at a time; one that waits does not hold others up. */
#include "abi/services.h"
#include "port.h"
#include "services/runtime/copy.h"
#include "services/runtime/plant.h"

static struct portal_result console_call(u64 op, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5)
{
	i64 result = -E_NOSYS;

	(void)w4, (void)w5;
	switch (op) {
	case CONSOLE_READ:
		result = port_read(w1, w2, w3);
		break;
	case CONSOLE_WRITE:
		result = port_write(w1, w2, w3);
		break;
	case CONSOLE_PLANT:
		result = plant(w1);
		break;
	}
	return (struct portal_result){ result, 0 };
}

void service_main(const struct start_info *start)
{
	i64 portal;

	copy_init();
	if (!start->words[2])
		service_panic("console: the machine has no console device");
	ports_init(start);
	portal = service_portal(0, console_call);
	service_assert(portal > 0);
	service_offer(SERVICE_CONSOLE, (u64)portal);
}
