/* Helper threads of the service: they serve no process, and sleep until there is something to do (timers, the console). One that
 * crashes is started again, from the beginning. */
#ifndef LINUX_HELPER_H
#define LINUX_HELPER_H

/* Starts a thread that runs the function, at most HELPERS_MAX in all. It ends when the function returns. */
void helper_start(void (*function)(void *argument), void *argument);
/* The calling helper has crashed, its stack is empty again, and it holds no lock: after a pause it starts anew. */
_Noreturn void helper_restart(void);

#endif
