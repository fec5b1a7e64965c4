/* The tool's main loop: copies bytes between its own standard streams and the guest's console ports until the program in the guest
 * has ended, and acts on lines of the control port and on signals to the tool. */
#ifndef TOOL_RELAY_H
#define TOOL_RELAY_H

struct options;
struct qemu;
struct terminal;

enum { RELAY_SIGNAL = 256 };

/* Blocks the signals that relay_run() waits for; call it before the guest is started. */
void relay_prepare(void);

/* -> the program's exit status, or EXIT_TOOL after having printed a complaint, or RELAY_SIGNAL + the number of the signal
 * that the tool shall die of after it has cleaned up. Neither ends the guest nor restores the terminal. */
int relay_run(struct qemu *qemu, struct terminal *terminal, const struct options *options);

#endif
