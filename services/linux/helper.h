/* Helper threads of the service serve no process; they sleep until there is something to do (timers, the console). A helper that
 * crashes is started again, at the beginning of its function. */
#ifndef LINUX_HELPER_H
#define LINUX_HELPER_H

/* Starts a thread that runs the function, at most HELPERS_MAX in all. It ends when the function returns. */
void helper_start(void (*function)(void *argument), void *argument);
/* Starts the calling helper again after a pause. It has crashed; its stack has been emptied, and it holds no lock. */
_Noreturn void helper_restart(void);

#endif
