/* The ports of the virtio-console device and what flows through them. */
#ifndef CONSOLE_PORT_H
#define CONSOLE_PORT_H

#include "services/runtime/service.h"

/* Brings the device and its ports up. Ends the space if that fails. */
void ports_init(const struct start_info *start);
/* Copies what has come in on the port into the client's buffer; waits for at least one byte. -> bytes; 0 at the end of the
 * stream; -E_INVAL, -E_FAULT, -E_INTR. */
i64 port_read(u64 port, u64 buffer, u64 bytes);
/* Sends bytes of the client's buffer, at most CONSOLE_CHUNK, and waits until the host has taken them. -> bytes; -E_INVAL,
 * -E_FAULT; -E_INTR if the thread was interrupted before they were handed over (afterwards they count as taken). */
i64 port_write(u64 port, u64 buffer, u64 bytes);

#endif
