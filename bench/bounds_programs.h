/* Five small programs - compression, JSON, sorting, hashing, tree insertion - written once for pointers of either kind:
 * bounds_plain.h and bounds_checked.h say what the words in capitals are, so this is included twice and has no guard. Each
 * returns a number that depends on all it did. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef KIND
#include "bounds_plain.h"
#endif

/* --- compression: LZ77 with a table of the last place of each three bytes --- */

static uint64_t KIND(compress)(void)
{
	enum { BYTES = 60000, PLACES = 4096, LONGEST = 66 };
	REF text = NEW(BYTES);
	REF out = NEW(2 * BYTES);
	REF places = NEW(PLACES * sizeof(uint32_t));
	size_t at = 0, written = 0;
	uint64_t seed = 7;

	for (size_t i = 0; i < BYTES; i++) {
		seed = seed * 6364136223846793005ull + 1;
		AT(uint8_t, text, i) = i > 200 && (seed >> 60) ? AT(uint8_t, text, i - 100) : "etaoin shrdlu"[(seed >> 33) % 13];
	}
	while (at + 3 < BYTES) {
		uint32_t hash = (AT(uint8_t, text, at) * 2654435761u ^ AT(uint8_t, text, at + 1) * 40503u ^
			AT(uint8_t, text, at + 2) * 97u) % PLACES;
		size_t last = AT(uint32_t, places, hash), length = 0;

		AT(uint32_t, places, hash) = (uint32_t)at;
		while (last < at && length < LONGEST && at + length < BYTES &&
			AT(uint8_t, text, last + length) == AT(uint8_t, text, at + length))
			length++;
		if (length > 3) {
			AT(uint8_t, out, written++) = (uint8_t)(128 + length);
			AT(uint8_t, out, written++) = (uint8_t)((at - last) >> 8);
			AT(uint8_t, out, written++) = (uint8_t)(at - last);
			at += length;
		} else {
			AT(uint8_t, out, written++) = AT(uint8_t, text, at++);
		}
	}
	return written;
}

/* --- JSON: text to a tree, and the sum of its numbers --- */

struct KIND(value) {
	void *child, *next; /* stored by SAVE() */
	double number;
	char key[32];
	long kind;
};

struct KIND(parser) {
	REF text;
	size_t at;
};

static REF KIND(json_value)(struct KIND(parser) *p)
{
	REF value = NEW(sizeof(struct KIND(value)));
	REF last = NOTHING;
	struct KIND(value) *v = &AT(struct KIND(value), value, 0);
	const REF text = p->text;
	uint8_t c = AT(uint8_t, text, p->at);

	if (c == '[' || c == '{') {
		p->at++;
		v->kind = c;
		while ((c = AT(uint8_t, text, p->at)) != ']' && c != '}') {
			char key[32] = "";
			size_t n = 0;

			if (c == ',') {
				p->at++;
				continue;
			}
			if (c == '"') {
				while ((c = AT(uint8_t, text, ++p->at)) != '"')
					key[n++ & 31] = (char)c;
				p->at += 2; /* and the colon */
			}
			REF child = KIND(json_value)(p);
			struct KIND(value) *w = &AT(struct KIND(value), child, 0);

			memcpy(w->key, key, sizeof(key));
			if (IS_NULL(last))
				SAVE(&v->child, child);
			else
				SAVE(&AT(struct KIND(value), last, 0).next, child);
			last = child;
		}
		p->at++;
		return value;
	}
	while ((c = AT(uint8_t, text, p->at)) >= '0' && c <= '9') {
		v->number = v->number * 10 + (c - '0');
		p->at++;
	}
	return value;
}

static double KIND(json_sum)(REF value)
{
	double sum = AT(struct KIND(value), value, 0).number;

	for (REF child = FETCH(&AT(struct KIND(value), value, 0).child); !IS_NULL(child);
		child = FETCH(&AT(struct KIND(value), child, 0).next))
		sum += KIND(json_sum)(child);
	return sum;
}

static uint64_t KIND(json)(void)
{
	enum { BYTES = 60000 };
	REF text = NEW(BYTES);
	struct KIND(parser) p = { text, 0 };
	size_t n = 0;
	char piece[100];

	AT(char, text, n++) = '[';
	for (unsigned i = 0; n < BYTES - 100; i++) {
		int length = snprintf(piece, sizeof(piece), "{\"identity\":%u,\"measurements\":[%u,%u,%u]},", i, i * 7919 % 1000,
			i * 104729 % 5000, i % 17);

		for (int k = 0; k < length; k++)
			AT(char, text, n++) = piece[k];
	}
	AT(char, text, n) = ']';
	return (uint64_t)KIND(json_sum)(KIND(json_value)(&p));
}

/* --- sorting: quicksort of numbers in place --- */

static uint64_t KIND(sort)(void)
{
	enum { NUMBERS = 30000, DEPTH = 64 };
	REF numbers = NEW(NUMBERS * sizeof(uint32_t));
	uint64_t seed = 5, sum = 0;
	long lows[DEPTH] = { 0 }, highs[DEPTH] = { NUMBERS - 1 }, depth = 1;

	for (long i = 0; i < NUMBERS; i++) {
		seed = seed * 6364136223846793005ull + 1;
		AT(uint32_t, numbers, i) = (uint32_t)(seed >> 33);
	}
	while (depth > 0) {
		long low = lows[--depth], high = highs[depth], i = low, j = high;
		uint32_t pivot = AT(uint32_t, numbers, (low + high) / 2);

		while (i <= j) {
			while (AT(uint32_t, numbers, i) < pivot)
				i++;
			while (AT(uint32_t, numbers, j) > pivot)
				j--;
			if (i <= j) {
				uint32_t other = AT(uint32_t, numbers, i);

				AT(uint32_t, numbers, i++) = AT(uint32_t, numbers, j);
				AT(uint32_t, numbers, j--) = other;
			}
		}
		/* The larger part waits, so that few do. */
		bool left_waits = j - low > high - i;
		if (low < j && high > i) {
			lows[depth] = left_waits ? low : i;
			highs[depth++] = left_waits ? j : high;
			lows[depth] = left_waits ? i : low;
			highs[depth++] = left_waits ? high : j;
		} else if (low < j || i < high) {
			lows[depth] = low < j ? low : i;
			highs[depth++] = low < j ? j : high;
		}
	}
	for (long i = 0; i < NUMBERS; i += 97)
		sum = sum * 31 + AT(uint32_t, numbers, i);
	return sum;
}

/* --- hashing: how often each word occurs --- */

struct KIND(word) {
	void *next; /* stored by SAVE() */
	uint32_t count, hash;
	char text[112];
};

static uint64_t KIND(hash)(void)
{
	enum { BUCKETS = 1024, WORDS = 20000, DIFFERENT = 3000 };
	REF buckets = NEW(BUCKETS * sizeof(void *));
	uint64_t seed = 11, sum = 0;

	for (unsigned i = 0; i < WORDS; i++) {
		char text[112];
		uint32_t hash = 2166136261u;
		REF name = OF(text, sizeof(text));
		REF word;

		seed = seed * 6364136223846793005ull + 1;
		snprintf(text, sizeof(text), "the word with the number %u", (unsigned)(seed >> 33) % DIFFERENT);
		for (size_t k = 0; AT(char, name, k); k++)
			hash = (hash ^ AT(uint8_t, name, k)) * 16777619u;
		void **bucket = &AT(void *, buckets, hash % BUCKETS);
		for (word = FETCH(bucket); !IS_NULL(word); word = FETCH(&AT(struct KIND(word), word, 0).next))
			if (AT(struct KIND(word), word, 0).hash == hash &&
				!COMPARE(ADD(word, (long)offsetof(struct KIND(word), text)), name))
				break;
		if (IS_NULL(word)) {
			word = NEW(sizeof(struct KIND(word)));
			memcpy(AT(struct KIND(word), word, 0).text, text, sizeof(text));
			AT(struct KIND(word), word, 0).hash = hash;
			SAVE(&AT(struct KIND(word), word, 0).next, FETCH(bucket));
			SAVE(bucket, word);
		}
		sum = sum * 31 + ++AT(struct KIND(word), word, 0).count;
	}
	return sum;
}

/* --- tree insertion: an array of records, and a tree over their names --- */

struct KIND(node) {
	void *left, *right, *record; /* stored by SAVE() */
};

static uint64_t KIND(tree)(void)
{
	enum { RECORDS = 4000, RECORD_BYTES = 200 };
	REF records = NEW(RECORDS * RECORD_BYTES);
	void *root = NULL;
	uint64_t seed = 3, sum = 0;

	for (unsigned i = 0; i < RECORDS; i++) {
		REF record = PART(records, i * RECORD_BYTES, RECORD_BYTES);
		REF node = NEW(sizeof(struct KIND(node)));
		void **place = &root;
		uint64_t depth = 0;

		seed = seed * 6364136223846793005ull + 1;
		snprintf(&AT(char, record, 0), RECORD_BYTES, "customers/of/the/north/%08x", (unsigned)(seed >> 32));
		SAVE(&AT(struct KIND(node), node, 0).record, record);
		for (;;) {
			REF here = FETCH(place);

			if (IS_NULL(here))
				break;
			struct KIND(node) *n = &AT(struct KIND(node), here, 0);
			place = COMPARE(record, FETCH(&n->record)) < 0 ? &n->left : &n->right;
			depth++;
		}
		SAVE(place, node);
		sum += depth;
	}
	return sum;
}
