/* doc.h - what people read about commands, made from their entries. */
#pragma once

#include "bin/cmd.h"
#include "lib/base/buf.h"

void doc_overview(struct buf *out);			/* -h */
void doc_help(const struct cmd *c, struct buf *out);	/* X -h */
void doc_man(const struct cmd *c, struct buf *out);	/* roff; NULL: of the program */
void doc_json(struct buf *out);				/* the whole table */
