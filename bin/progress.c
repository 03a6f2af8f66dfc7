#include "bin/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>

#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/str.h"
#include "lib/fmt/human.h"

#define REDRAW_NS (66 * NS_PER_MS)
#define BAR 30
#define WIDE 80			/* columns that a line with a bar takes */

static const char *const words[] = {
	[LAYER_WAITING] = "waiting", [LAYER_DOWNLOADING] = "downloading",
	[LAYER_FETCHED] = "downloaded",
	[LAYER_UNPACKING] = "unpacking", [LAYER_DONE] = "done", [LAYER_EXISTS] = "exists already",
};

void progress_init(struct progress *p, bool quiet)
{
	*p = (struct progress){ .quiet = quiet, .is_terminal = isatty(STDERR_FILENO) };
}

static void short_name(const struct digest *d, char out[static ID_SHORT_LEN + 1])
{
	char hex[DIGEST_TEXT_MAX];

	digest_hex(d, hex);
	(void)str_copy(out, ID_SHORT_LEN + 1, hex);
}

static void draw_line(const struct progress_line *l, bool is_wide)
{
	char name[ID_SHORT_LEN + 1], done[HUMAN_MAX], total[HUMAN_MAX], bar[BAR + 1];
	size_t full = l->total ? (size_t)(l->done * BAR / l->total) : 0;

	short_name(&l->blob, name);
	fprintf(stderr, "\r\033[K%s  %-14s", name, words[l->state]);
	if (l->state == LAYER_DOWNLOADING || l->state == LAYER_UNPACKING) {
		for (size_t i = 0; i < BAR; i++)
			bar[i] = i < full ? '=' : i == full ? '>' : ' ';
		bar[BAR] = '\0';
		human_size(l->done, done);
		human_size(l->total, total);
		if (is_wide)
			fprintf(stderr, " [%s]", bar);
		fprintf(stderr, " %s / %s", done, total);
	}
	fputc('\n', stderr);
}

/* The cursor can go up no further than the screen is high: what is done makes
 * room. */
static void draw(struct progress *p, bool now)
{
	struct winsize size = { .ws_row = 0 };
	uint64_t t = clock_mono_ns();
	size_t rows = p->count, drawn = 0, surplus;

	if (!now && t - p->drawn_ns < REDRAW_NS)
		return;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 &&
	    rows > size.ws_row - 1u)
		rows = size.ws_row - 1u;
	surplus = p->count - rows;
	if (p->drawn)
		fprintf(stderr, "\033[%zuA", p->drawn);
	for (size_t i = 0; i < p->count && drawn < rows; i++) {
		const struct progress_line *l = &p->line[i];

		if (surplus && (l->state == LAYER_DONE || l->state == LAYER_EXISTS)) {
			surplus--;
			continue;
		}
		draw_line(l, !size.ws_col || size.ws_col >= WIDE);
		drawn++;
	}
	fputs("\033[J", stderr);
	p->drawn = drawn;
	p->drawn_ns = t;
}

static struct progress_line *find(struct progress *p, const struct digest *blob)
{
	for (size_t i = 0; i < p->count; i++)
		if (digest_eq(&p->line[i].blob, blob))
			return &p->line[i];
	if (p->count == PROGRESS_LAYERS)
		return NULL;
	p->line[p->count] = (struct progress_line){ .blob = *blob };
	return &p->line[p->count++];
}

static void on_layer(void *arg, const struct digest *blob, enum layer_state state, uint64_t done,
		     uint64_t total)
{
	struct progress *p = arg;
	size_t known = p->count;
	struct progress_line *l = p->quiet ? NULL : find(p, blob);
	char name[ID_SHORT_LEN + 1];
	bool changed;

	if (!l)
		return;
	changed = l->state != state || p->count != known;
	l->state = state;
	l->done = done;
	l->total = total;
	if (p->is_terminal) {
		draw(p, changed);
	} else if (changed && state != LAYER_WAITING && state != LAYER_FETCHED &&
		   state != LAYER_UNPACKING) {
		short_name(blob, name);
		fprintf(stderr, "layer %s: %s\n", name, words[state]);
	}
}

static void on_note(void *arg, const char *text)
{
	struct progress *p = arg;

	fprintf(stderr, "coracle: %s\n", text);
	p->drawn = 0;
}

void progress_hooks(struct image_progress *out, struct progress *p)
{
	*out = (struct image_progress){ .layer = on_layer, .note = on_note, .arg = p };
}

void progress_registry(const struct registry_event *ev, void *arg)
{
	char text[512];

	if (ev->kind != REGISTRY_EV_RETRY && ev->kind != REGISTRY_EV_RATE_LIMIT)
		return;
	snprintf(text, sizeof(text), "%s: %s; trying again in %.1f s", ev->host,
		 str_or(ev->text, "failed"), (double)ev->wait_ms / 1000);
	str_mask(text);
	on_note(arg, text);
}

void progress_end(struct progress *p)
{
	if (!p->quiet && p->is_terminal && p->count)
		draw(p, true);
	p->count = p->drawn = 0;
}
