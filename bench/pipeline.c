/* A pipeline of three stages that pass an index on.
 *
 * The first takes words of a text in, the second ranks what has changed, the third answers queries. The index is a hash table of
 * entries with lists of positions, all pointers. Runs on Allod and Linux (bench/run says how, and what it prints):
 *
 *   one space      all stages in one program: what the stages themselves cost
 *   by grant       each stage is a space of its own; the index stays where it is and is lent to each for one call (Allod only)
 *   in a VAS       each stage is a process; the index is in a VAS that each switches into for its turn, and what is passed on is a
 *                  pointer to it (Allod only)
 *   through pipes  each stage is a process; the index is written out into a pipe and built anew behind it
 *   through files  likewise with files in memory
 *
 * A row is one round, the quickest of several. All ways must come to the same answers. */
#include <allod/portal.h>
#include <allod/vas.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

enum {
	WORDS = 6000,        /* that exist */
	FIRST_TEXT = 120000, /* words in the index before the first round */
	ROUND_TEXT = 1000,   /* words that each round adds */
	QUERIES = 300,       /* of each round */
	ROUNDS = 6,
	BUCKETS = 4096,
	ARENA = 24 << 20,
	ALIGNMENT = 2 << 20,
	BUFFER = 64 << 10,
};

struct position {
	struct position *next;
	uint32_t at, weight;
};

struct entry {
	struct entry *next;         /* of the same bucket */
	struct entry *next_changed; /* since it was ranked */
	struct position *positions; /* the last one first */
	uint32_t count, score;
	bool changed;
	uint8_t length;
	char word[14];
};

/* The index lies at the beginning of an arena, and all that belongs to it behind it: pointers are those of the arena, global ones
 * on Allod, so that every space can follow them. */
struct index {
	char *free, *end;
	struct entry *changed;
	uint32_t entries, words;
	struct entry *buckets[BUCKETS];
};

static struct index *index_new(char *arena)
{
	struct index *index = (struct index *)arena;

	memset(index, 0, sizeof(*index));
	index->free = arena + sizeof(*index);
	index->end = arena + ARENA;
	return index;
}

static void *take(struct index *index, size_t bytes)
{
	char *at = index->free;

	index->free += (bytes + 7) & ~7ul;
	if (index->free > index->end)
		abort();
	return at;
}

static uint32_t hash(const char *word, unsigned length)
{
	uint32_t value = 2166136261u;

	for (unsigned i = 0; i < length; i++)
		value = (value ^ (uint8_t)word[i]) * 16777619u;
	return value ^ value >> 15;
}

static struct entry *find(const struct index *index, const char *word, unsigned length)
{
	struct entry *entry = index->buckets[hash(word, length) % BUCKETS];

	while (entry && (entry->length != length || memcmp(entry->word, word, length) != 0))
		entry = entry->next;
	return entry;
}

static struct entry *add_entry(struct index *index, const char *word, unsigned length)
{
	struct entry **bucket = &index->buckets[hash(word, length) % BUCKETS], *entry = take(index, sizeof(*entry));

	*entry = (struct entry){ .next = *bucket, .length = (uint8_t)length };
	memcpy(entry->word, word, length);
	*bucket = entry;
	index->entries++;
	return entry;
}

static void add_position(struct index *index, struct entry *entry, uint32_t at, uint32_t weight)
{
	struct position *position = take(index, sizeof(*position));

	*position = (struct position){ entry->positions, at, weight };
	entry->positions = position;
	entry->count++;
}

/* --- the stages --- */

/* A text that does not end: frequent words and rare ones. */
struct text {
	uint64_t seed;
};

static uint32_t roll(struct text *text, uint32_t below)
{
	text->seed = text->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(text->seed >> 33) % below;
}

static unsigned next_word(struct text *text, char *word)
{
	uint32_t number = roll(text, 1 + roll(text, WORDS)) + 1;
	unsigned length = 0;

	for (uint32_t n = number * 2654435761u; length < 4 + number % 7; n /= 3, length++)
		word[length] = (char)('a' + (n + length) % 26);
	word[length++] = (char)('a' + number % 26);
	word[length++] = (char)('a' + number / 26 % 26);
	word[length++] = (char)('a' + number / 676);
	return length;
}

/* First stage: takes words in. */
static void stage_take_in(struct index *index, struct text *text, unsigned words)
{
	char word[16];

	for (unsigned i = 0; i < words; i++) {
		unsigned length = next_word(text, word);
		struct entry *entry = find(index, word, length);

		if (!entry)
			entry = add_entry(index, word, length);
		add_position(index, entry, ++index->words, 0);
		if (!entry->changed) {
			entry->changed = true;
			entry->next_changed = index->changed;
			index->changed = entry;
		}
	}
}

/* Second stage: gives what has changed a score, by how near to each other its last positions are. */
int stage_rank(struct index *index);
int stage_rank(struct index *index)
{
	int ranked = 0;

	for (struct entry *entry = index->changed; entry; entry = entry->next_changed, ranked++) {
		unsigned near = 0;

		entry->score = 0;
		for (struct position *p = entry->positions; p && p->next && near < 8; p = p->next, near++) {
			p->weight = 1000000 / (p->at - p->next->at);
			entry->score += p->weight;
		}
		entry->changed = false;
	}
	index->changed = NULL;
	return ranked;
}

/* Third stage: answers queries. */
uint64_t stage_query(const struct index *index, uint64_t seed, unsigned queries);
uint64_t stage_query(const struct index *index, uint64_t seed, unsigned queries)
{
	struct text text = { seed };
	uint64_t sum = 0;
	char word[16];

	for (unsigned i = 0; i < queries; i++) {
		const struct entry *entry = find(index, word, next_word(&text, word));

		if (entry)
			sum = sum * 31 + entry->score + entry->count + entry->positions->at;
	}
	return sum;
}

ALLOD_PORTAL(int, stage_rank, (struct index *, index))
ALLOD_PORTAL(uint64_t, stage_query, (const struct index *, index), (uint64_t, seed), (unsigned, queries))

/* --- writing an index out, and building it anew --- */

struct stream {
	int fd;
	size_t at, filled;
	char buffer[BUFFER];
};

static void flush(struct stream *stream)
{
	for (size_t done = 0; done < stream->at;) {
		ssize_t bytes = write(stream->fd, stream->buffer + done, stream->at - done);

		if (bytes <= 0)
			_exit(1);
		done += (size_t)bytes;
	}
	stream->at = 0;
}

static inline void put(struct stream *stream, const void *from, size_t bytes)
{
	if (stream->at + bytes > BUFFER)
		flush(stream);
	memcpy(stream->buffer + stream->at, from, bytes);
	stream->at += bytes;
}

/* More is in the buffer. */
static void refill(struct stream *stream, size_t bytes)
{
	memmove(stream->buffer, stream->buffer + stream->at, stream->filled - stream->at);
	stream->filled -= stream->at;
	stream->at = 0;
	while (stream->filled < bytes) {
		ssize_t got = read(stream->fd, stream->buffer + stream->filled, BUFFER - stream->filled);

		if (got <= 0)
			_exit(1);
		stream->filled += (size_t)got;
	}
}

static inline void get(struct stream *stream, void *to, size_t bytes)
{
	if (stream->filled - stream->at < bytes)
		refill(stream, bytes);
	memcpy(to, stream->buffer + stream->at, bytes);
	stream->at += bytes;
}

struct entry_header {
	uint32_t count, score;
	uint8_t changed, length;
	char word[14];
};

struct pair {
	uint32_t at, weight;
};

static void write_out(const struct index *index, struct stream *stream)
{
	put(stream, &index->entries, sizeof(index->entries));
	put(stream, &index->words, sizeof(index->words));
	for (unsigned i = 0; i < BUCKETS; i++)
		for (const struct entry *entry = index->buckets[i]; entry; entry = entry->next) {
			struct entry_header header = { entry->count, entry->score, entry->changed, entry->length,
				{ 0 } };

			memcpy(header.word, entry->word, sizeof(header.word));
			put(stream, &header, sizeof(header));
			for (const struct position *p = entry->positions; p; p = p->next) {
				struct pair pair = { p->at, p->weight };

				put(stream, &pair, sizeof(pair));
			}
		}
	flush(stream);
}

/* The lists keep their order. */
static void read_positions(struct index *index, struct entry *entry, uint32_t count, struct stream *stream)
{
	struct position **link = &entry->positions;
	struct pair pair;

	for (uint32_t i = 0; i < count; i++) {
		struct position *position = take(index, sizeof(*position));

		get(stream, &pair, sizeof(pair));
		*position = (struct position){ NULL, pair.at, pair.weight };
		*link = position;
		link = &position->next;
	}
	entry->count = count;
}

static struct index *read_in(char *arena, struct stream *stream)
{
	struct index *index = index_new(arena);
	uint32_t entries;

	get(stream, &entries, sizeof(entries));
	get(stream, &index->words, sizeof(index->words));
	while (entries--) {
		struct entry_header header;
		struct entry *entry;

		get(stream, &header, sizeof(header));
		entry = add_entry(index, header.word, header.length);
		entry->score = header.score;
		entry->changed = header.changed;
		if (entry->changed) {
			entry->next_changed = index->changed;
			index->changed = entry;
		}
		read_positions(index, entry, header.count, stream);
	}
	return index;
}

/* --- the ways --- */

enum way { ONE_SPACE, BY_GRANT, IN_VAS, PIPES, FILES, WAYS }; /* stages are processes from IN_VAS on */

static const char *const way_names[WAYS] = { "one space", "by grant", "in a VAS", "through pipes", "through files" };
static const char *const file_names[2] = { "/tmp/pipeline-1", "/tmp/pipeline-2" };

/* Between stage i and stage i + 1: a pipe for the index, for the pointer to it, or for a word that says that the file is there. */
static int links[3][2];
static struct stream streams[2]; /* in, out */

/* --- the VAS --- */

static int vas, segment;

static void enter(enum way way)
{
	if (way == IN_VAS && vas_switch(vas) < 0)
		_exit(1);
}

static void leave(enum way way)
{
	if (way == IN_VAS && vas_switch(0) < 0)
		_exit(1);
}

/* -> where the segment is, NULL: no such thing here. */
static char *vas_make(void)
{
	uint64_t range[2];

	if (vas_range(range) < 0)
		return NULL;
	vas = vas_create("pipeline", 0600);
	segment = vas_seg_create("pipeline", range[0], range[0] + ARENA, 0600);
	if (vas_share(vas, VAS_SHARED_FREE) < 0 || vas_seg_attach(vas, segment, O_RDWR) < 0 ||
		vas_attach(0, vas, O_RDWR) < 0)
		return NULL;
	return (char *)range[0];
}

static void vas_end(void)
{
	if (vas_detach(0, vas) < 0 || vas_delete(vas) < 0 || vas_seg_delete(segment) < 0)
		printf("note in a VAS: %s\n", strerror(errno));
}

/* --- passing the index on --- */

static void open_file(struct stream *stream, unsigned link, bool write)
{
	stream->fd = open(file_names[link], write ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0600);
	stream->at = stream->filled = 0;
	if (stream->fd < 0)
		_exit(1);
}

static void tell(int link, uint64_t word)
{
	if (write(links[link][1], &word, sizeof(word)) != sizeof(word))
		_exit(1);
}

static uint64_t hear(int link)
{
	uint64_t word;

	if (read(links[link][0], &word, sizeof(word)) != sizeof(word))
		_exit(0);
	return word;
}

static void pass_on(const struct index *index, enum way way, unsigned link)
{
	struct stream *stream = &streams[1];

	if (way == IN_VAS) {
		leave(way);
		tell((int)link, (uintptr_t)index);
		return;
	}
	stream->fd = links[link][1];
	if (way == FILES)
		open_file(stream, link, true);
	write_out(index, stream);
	if (way == FILES) {
		close(stream->fd);
		tell((int)link, 1);
	}
}

static struct index *receive(char *arena, enum way way, unsigned link)
{
	struct stream *stream = &streams[0];
	struct index *index;

	if (way == IN_VAS) {
		index = (struct index *)hear((int)link);
		enter(way);
		return index;
	}
	stream->fd = links[link][0];
	if (way == FILES) {
		hear((int)link);
		open_file(stream, link, false);
	}
	index = read_in(arena, stream);
	if (way == FILES)
		close(stream->fd);
	return index;
}

/* Aligned, so that a grant of it is a few links (2 MiB each). All there from the beginning. */
static char *arena_new(void)
{
	char *memory = mmap(NULL, ARENA + ALIGNMENT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *arena;

	if (memory == MAP_FAILED)
		exit(1);
	arena = (char *)(((uintptr_t)memory + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
	memset(arena, 0, ARENA);
	return allod_global(arena);
}

/* The second and the third process; they end with their input. */
static _Noreturn void serve(enum way way, unsigned stage)
{
	char *arena = way == IN_VAS ? NULL : arena_new();
	uint64_t seed = 0, answer;

	if (way == IN_VAS && vas_attach(0, vas, O_RDWR) < 0)
		_exit(1);
	for (unsigned i = 0; i < 3; i++)
		close(links[i][i == stage - 1u ? 1 : 0]);
	for (;;) {
		struct index *index = receive(arena, way, stage - 1);

		if (stage == 1) {
			stage_rank(index);
			pass_on(index, way, 1);
		} else {
			answer = stage_query(index, ++seed, QUERIES);
			leave(way);
			tell(2, answer);
		}
	}
}

static pid_t start(enum way way, unsigned stage)
{
	pid_t child = fork();

	if (child == 0)
		serve(way, stage);
	return child;
}

static struct allod_space *make_space(const char *name)
{
	struct allod_options options = { .contexts = 1 };

	strncpy(options.name, name, sizeof(options.name) - 1);
	return allod_sandbox(&options);
}

static uint64_t one_round(struct index *index, struct text *text, enum way way, struct allod_space **spaces,
	uint64_t seed)
{
	enter(way);
	stage_take_in(index, text, ROUND_TEXT);
	switch (way) {
	case ONE_SPACE:
		stage_rank(index);
		return stage_query(index, seed, QUERIES);
	case BY_GRANT:
		stage_rank_in(spaces[0], allod_lend(index, ARENA, ALLOD_R | ALLOD_W));
		return stage_query_in(spaces[1], allod_lend(index, ARENA, ALLOD_R), seed, QUERIES);
	default:
		pass_on(index, way, 0);
		return hear(2);
	}
}

static bool start_stages(enum way way, struct allod_space **spaces, pid_t *children)
{
	if (way == BY_GRANT && !((spaces[0] = make_space("rank")) && (spaces[1] = make_space("query"))))
		return false;
	for (unsigned i = 0; way >= IN_VAS && i < 3; i++)
		if (pipe(links[i]) < 0)
			return false;
	for (unsigned i = 0; way >= IN_VAS && i < 2; i++)
		children[i] = start(way, i + 1);
	return true;
}

static void end_stages(enum way way, struct allod_space **spaces, const pid_t *children)
{
	for (unsigned i = 0; i < 2; i++) {
		allod_space_close(spaces[i]);
		if (children[i]) {
			kill(children[i], SIGKILL);
			waitpid(children[i], NULL, 0);
		}
	}
	for (unsigned i = 0; way >= IN_VAS && i < 3; i++) {
		close(links[i][0]);
		close(links[i][1]);
	}
}

/* -> ticks of the quickest round, 0: it cannot be done. */
static uint64_t measure(enum way way, uint64_t *answers)
{
	char *arena = way == IN_VAS ? vas_make() : arena_new();
	struct allod_space *spaces[2] = { NULL, NULL };
	pid_t children[2] = { 0, 0 };
	struct text text = { 1 };
	uint64_t best = ~0ul;
	struct index *index;

	if (!arena)
		return 0;
	enter(way);
	index = index_new(arena);
	stage_take_in(index, &text, FIRST_TEXT);
	stage_rank(index);
	leave(way);
	if (!start_stages(way, spaces, children))
		return 0;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		uint64_t begin = ticks(), took;

		answers[round - 1] = one_round(index, &text, way, spaces, round);
		took = ticks() - begin;
		best = took < best ? took : best;
		/* What the second stage does stays there if it has the index in a memory of its own. */
		enter(way);
		stage_rank(index);
		leave(way);
	}
	end_stages(way, spaces, children);
	if (way == IN_VAS)
		vas_end();
	else
		munmap(allod_local(index), ARENA); /* what lies before and behind it has no frames */
	return best;
}

int main(int argc, char **argv)
{
	uint64_t answers[WAYS][ROUNDS];

	(void)argv;
	bench_begin(argc);
	for (enum way way = ONE_SPACE; way < WAYS; way++) {
		uint64_t took;

		if ((way == BY_GRANT || way == IN_VAS) && !allod_present())
			continue;
		took = measure(way, answers[way]);
		if (!took)
			printf("note %s: %s\n", way_names[way], strerror(errno));
		else if (memcmp(answers[way], answers[ONE_SPACE], sizeof(answers[way])) != 0)
			printf("note %s: other answers\n", way_names[way]);
		else
			printf("row %s: %lu\n", way_names[way], (unsigned long)took);
	}
	return bench_end();
}
