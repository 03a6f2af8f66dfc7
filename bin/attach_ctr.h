/* attach_ctr.h - the foreground end of run, start -a, attach and exec.
 */
#pragma once

#include "bin/env.h"
#include "lib/ctr/attach.h"
#include "lib/ctr/client.h"

struct foreground {
	bool tty;			/* the container has a terminal */
	bool has_stdin;
	bool no_sig_proxy;
	const char *detach_keys;	/* NULL: the default */
	uint32_t exec_id;		/* 0: the container */
	int pty;			/* of an exec with a terminal; -1 */
	bool no_output;			/* exec without: it has our descriptors */
};

#define FOREGROUND_INIT { .pty = -1 }

/* Returns the status for the shell; *detached when the keys were typed. */
int foreground_run(struct app *app, struct client *client, const struct foreground *f,
		   bool *detached, struct err *e) MUST_CHECK;

/* SHIM_ATTACH_* for the launch message. */
uint32_t foreground_streams(const struct foreground *f);

/* Rows and columns for a new terminal. */
void foreground_size(uint16_t *rows, uint16_t *cols);
