/* The same linked list, walked by three spaces through plain pointers: its maker and two copies, one of which may only read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <allod/portal.h>

struct node {
	struct node *next; /* global: means the same to everybody */
	long value;
};

/* Links a new node in front of a list. */
static struct node *push(struct node *head, long value)
{
	struct node *node = malloc(sizeof(*node));

	if (!node)
		exit(1);
	node->next = head;
	node->value = value;
	return allod_global(node);
}

static long sum(const struct node *node)
{
	long total = 0;

	for (; node; node = node->next)
		total += node->value;
	return total;
}
ALLOD_PORTAL(long, sum, (const struct node *, node))

static long twice(struct node *node)
{
	long nodes = 0;

	for (; node; node = node->next, nodes++)
		node->value *= 2;
	return nodes;
}
ALLOD_PORTAL(long, twice, (struct node *, node))

int main(void)
{
	struct allod_space *reader = allod_sandbox(NULL), *writer = allod_sandbox(NULL);
	struct node *head = NULL;

	if (!reader || !writer) {
		perror("list");
		return 1;
	}
	/* After the spaces were made: the list is in this space only. */
	for (long i = 1; i <= 1000; i++)
		head = push(head, i);
	allod_grant_all(allod_space_number(reader), ALLOD_R);
	allod_grant_all(allod_space_number(writer), ALLOD_R | ALLOD_W);
	printf("here: %ld\n", sum(head));
	printf("in space %u: %ld\n", allod_space_number(reader), sum_in(reader, head));
	printf("in space %u: %ld nodes doubled\n", allod_space_number(writer), twice_in(writer, head));
	printf("here: %ld\n", sum(head));
	printf("in space %u: %ld\n", allod_space_number(reader), sum_in(reader, head));
	twice_in(reader, head);
	printf("the reader wrote: %s\n", errno ? allod_error_text(errno) : "it could");
	return 0;
}
