/* shimmsg.h - what the shim and the other programs say to each other: the
 * status page, the exit record, and messages on its socket.
 *
 * All are fixed-size structs in the byte order of the machine: both ends are
 * the same build on the same boot, and a version that differs is refused.
 *
 * Status page: RUN/status, one struct shim_page, replaced as a whole file
 * (write to a new name, rename), so that a reader sees one consistent state.
 * Exit record: DATA/exit, one struct shim_exit, written once before the page
 * says EXITED; it survives a reboot and is folded into the database by the
 * next call of the command line.
 *
 * Socket: RUN/shim.sock, SOCK_SEQPACKET, mode 0600 in a 0700 directory, peers
 * checked by SO_PEERCRED.  A client sends requests and gets one reply each;
 * after SHIM_ATTACH the shim also sends frames.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/proc.h"

#define SHIM_VERSION 1u
#define SHIM_MAGIC 0x6d696873u		/* "shim" */

enum shim_state {
	SHIM_CREATED,			/* set up, not yet running */
	SHIM_RUNNING,
	SHIM_PAUSED,
	SHIM_STOPPING,
	SHIM_EXITED,
};

struct shim_page {
	uint32_t magic;
	uint32_t version;
	uint32_t state;			/* enum shim_state */
	int32_t exit_code;		/* while EXITED; -1: unknown */
	uint32_t restarts;
	uint32_t flags;			/* SHIM_F_* */
	struct proc_id shim;
	struct proc_id init;		/* pid 1 of the container, as we see it */
	struct proc_id net;		/* coracle-net; pid 0: none */
	uint64_t started_ns;		/* wall clock */
	uint64_t finished_ns;
	char cgroup[512];		/* below the cgroup2 mount; "" none */
};

#define SHIM_F_OOM 1u			/* the kernel killed for memory */
#define SHIM_F_STOPPED 2u		/* a user asked for the end */

struct shim_exit {
	uint32_t magic;
	uint32_t version;
	int32_t exit_code;		/* 0..255, or -1: unknown */
	uint32_t flags;			/* SHIM_F_* */
	uint64_t started_ns;
	uint64_t finished_ns;
	struct proc_id init;		/* which run of the container this was */
};

enum shim_op {
	SHIM_ATTACH = 1,	/* flags: streams; then frames follow */
	SHIM_STDIN,		/* attached clients: bytes for stdin */
	SHIM_STDIN_EOF,
	SHIM_RESIZE,		/* value: rows << 16 | cols; id: exec or 0 */
	SHIM_KILL,		/* value: signal; id: exec or 0 */
	SHIM_STOP,		/* value: signal; arg: timeout ms, then KILL */
	SHIM_EXEC,		/* data: an exec plan (lib/runtime); descriptors:
				 * stdin, stdout, stderr, or one terminal */
	SHIM_WAIT,		/* answered when the container has exited */
	SHIM_PING,
	SHIM_REOPEN_LOG,	/* after rotation by hand */

	/* frames and replies to clients */
	SHIM_OK = 100,		/* value: result (exec: its id) */
	SHIM_ERROR,		/* value: errno; data: text */
	SHIM_STDOUT,
	SHIM_STDERR,
	SHIM_EXIT,		/* value: exit code or -1; id: exec or 0 */
	SHIM_EXEC_STARTED,	/* id, value: pid */
	SHIM_EXEC_FAILED,	/* value: errno; arg: step of the plan */
};

#define SHIM_ATTACH_STDIN 1u
#define SHIM_ATTACH_OUTPUT 2u
#define SHIM_ATTACH_OWNER 4u	/* the foreground `run`: it also removes */

struct shim_msg {
	uint32_t version;
	uint32_t op;			/* enum shim_op */
	uint32_t id;			/* 0: the container, else an exec */
	uint32_t flags;
	int64_t value;
	uint64_t arg;
	uint32_t len;			/* bytes of data that follow */
	uint32_t reserved;
};

#define SHIM_DATA_MAX (MAX_SHIM_MESSAGE - sizeof(struct shim_msg))

/* Bytes of a file or message to a struct.  -EBADMSG: not of this version or
 * cut short; the contents are checked (states, lengths, NUL-ended text). */
int shim_page_parse(struct shim_page *out, const void *data, size_t len,
		    struct err *e) MUST_CHECK;
int shim_exit_parse(struct shim_exit *out, const void *data, size_t len,
		    struct err *e) MUST_CHECK;
int shim_msg_parse(struct shim_msg *out, const void **data, const void *msg,
		   size_t len, struct err *e) MUST_CHECK;

const char *shim_state_name(enum shim_state s);	/* "running" */
