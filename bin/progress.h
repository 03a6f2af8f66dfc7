/* progress.h - what a pull or load shows of itself, on stderr.
 *
 * On a terminal: one line per layer that is redrawn; elsewhere one line per
 * event; quiet: nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/fmt/digest.h"
#include "lib/image/layers.h"
#include "lib/registry/client.h"

#define PROGRESS_LAYERS 128

struct progress_line {
	struct digest blob;
	enum layer_state state;
	uint64_t done, total;
};

struct progress {
	bool quiet;
	bool is_terminal;
	size_t count;
	size_t drawn;			/* lines on the screen */
	uint64_t drawn_ns;		/* when */
	struct progress_line line[PROGRESS_LAYERS];
};

void progress_init(struct progress *p, bool quiet);
void progress_hooks(struct image_progress *out, struct progress *p);
registry_event_fn progress_registry;		/* arg: struct progress */

/* The last state is left on the screen. */
void progress_end(struct progress *p);
