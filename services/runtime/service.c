/* The runtime of native services: service.h. */
#include "service.h"

#include "abi/services.h"

enum { LINE_BYTES = 400, ENTRY_BYTES = 32 };

const struct start_info *service_start;

extern const char runtime_entries[], runtime_thread_entry[];
void runtime_start(const struct start_info *start);
void runtime_thread(void *start);

/* What thread_start() hands to the new thread. */
struct thread_start {
	void (*function)(void *);
	void *argument;
};

/* First C function of the first thread. */
void runtime_start(const struct start_info *start)
{
	service_start = start;
	heap_init();
	service_main(start);
	call_space_destroy(service_number());
}

/* First C function of every other thread. */
void runtime_thread(void *start)
{
	struct thread_start begin = *(struct thread_start *)start;

	heap_free(start);
	begin.function(begin.argument);
	call_thread_exit();
}

i64 thread_start(void (*function)(void *), void *argument)
{
	struct thread_start *start = heap_alloc(sizeof(*start));
	struct thread_spec spec = { .space = service_number(), .ip = (u64)runtime_thread_entry, .arg = (u64)start };
	i64 thread;

	if (!start)
		return -E_NOMEM;
	*start = (struct thread_start){ function, argument };
	thread = call_thread_create(&spec);
	if (thread < 0)
		heap_free(start);
	return thread;
}

i64 service_portal(unsigned index, portal_function *function)
{
	if (index >= SERVICE_PORTALS)
		return -E_INVAL;
	return call_portal_create((u64)runtime_entries + index * ENTRY_BYTES, (u64)function);
}

void service_offer(u64 service, u64 portal)
{
	u32 never = 0;
	u64 word1;

	service_assert(portal_call(service_start->registry, REGISTRY_OFFER, service, portal, 0, 0, 0, &word1) >= 0);
	for (;;)
		call_wait(&never, 0, 0, 0);
}

void clock_sleep(u64 ns)
{
	const u64 deadline = clock_now() + ns;
	u32 never = 0;

	while (clock_now() < deadline)
		call_wait(&never, 0, deadline, 0);
}

static void log_v(const char *text, va_list arguments)
{
	char line[LINE_BYTES];
	int bytes = format_v(line, sizeof(line), text, arguments);

	call_log(line, bytes < LINE_BYTES ? bytes : LINE_BYTES - 1);
}

void service_log(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	log_v(text, arguments);
	va_end(arguments);
}

void service_panic(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	log_v(text, arguments);
	va_end(arguments);
	for (;;)
		call_space_destroy(service_number());
}
