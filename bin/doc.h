/* doc.h - what people read about commands, made from their entries. */
#pragma once

#include <stdbool.h>

#include "bin/cmd.h"
#include "lib/base/buf.h"

void doc_overview(struct buf *out);			/* -h */
bool doc_group(const char *word, struct buf *out);	/* image -h; false: no group */
void doc_help(const struct cmd *c, struct buf *out);	/* X -h */
void doc_man(const struct cmd *c, struct buf *out);	/* roff; NULL: of the program */
void doc_json(struct buf *out);				/* the whole table */
