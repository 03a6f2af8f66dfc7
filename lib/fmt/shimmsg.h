/* shimmsg.h - what the shim and the other programs say to each other: the
 * status page, the exit record, and messages on its socket.
 *
 * All are fixed-size structs in the byte order of the machine: both ends are
 * the same build on the same boot, and a version that differs is refused.
 *
 * Start: the program that starts a shim gives it one end of a SOCK_SEQPACKET
 * pair as descriptor 3 and sends, if it likes, the plan of what can begin early
 * (plan_compile_early()), and then one start message (struct shim_start, as
 * shim_start_print() writes it) with its descriptors.  The answer is
 * SHIM_STARTED or SHIM_ERROR.  From then on that socket is a client like any
 * other, attached as the start message said; closing it is fine at any time.
 *
 * Status page: RUN/status, one struct shim_page, replaced as a whole file
 * (write to a new name, rename), so that a reader sees one consistent state.
 * Exit record: DATA/exit, one struct shim_exit, written once before the page
 * says EXITED; it survives a reboot and is folded into the database by the
 * next call of the command line.
 *
 * Socket: RUN/shim.sock, SOCK_SEQPACKET, mode 0600 in a 0700 directory, peers
 * checked by SO_PEERCRED.  A client sends requests and gets one reply each;
 * after SHIM_ATTACH the shim also sends frames.  Bytes for stdin need credit:
 * a client sends one SHIM_STDIN and waits for SHIM_STDIN_DONE before the next,
 * so that signals and sizes never queue behind bytes that nobody reads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/proc.h"

#define SHIM_VERSION 2u
#define SHIM_MAGIC 0x6d696873u		/* "shim" */

enum shim_state {
	SHIM_CREATED,			/* set up, not yet running */
	SHIM_RUNNING,			/* or paused: its cgroup knows */
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
#define SHIM_F_TTY 4u
#define SHIM_F_STDIN 8u			/* stdin is open */
#define SHIM_F_ADOPTED 16u		/* a later shim; no terminal any more */

/* Names in the run and data directories. */
#define SHIM_PAGE_NAME "status"
#define SHIM_SOCK_NAME "shim.sock"
#define SHIM_STDIN_NAME "stdin"
#define SHIM_STDOUT_NAME "stdout"
#define SHIM_STDERR_NAME "stderr"
#define SHIM_EXIT_NAME "exit"
#define SHIM_LOG_NAME "log"

struct shim_exit {
	uint32_t magic;
	uint32_t version;
	int32_t exit_code;		/* 0..255, or -1: unknown */
	uint32_t flags;			/* SHIM_F_* */
	uint64_t started_ns;
	uint64_t finished_ns;
	struct proc_id init;		/* which run of the container this was */
};

/* --- the start message --- */

enum shim_fd {
	SHIM_FD_RUN,			/* directory of page, socket, fifos */
	SHIM_FD_DATA,			/* directory of logs and exit record */
	SHIM_FD_PLAN,			/* memory file; not when adopting */
	SHIM_FD_CGROUP,			/* directory of the container's cgroup */
	SHIM_FDS,
};

enum shim_log {
	SHIM_LOG_NONE,
	SHIM_LOG_JSON,			/* DATA/log, DATA/log.1, ... */
};

#define SHIM_START_TTY		(1u << 0)
#define SHIM_START_STDIN	(1u << 1)	/* stdin is kept open */
#define SHIM_START_REMOVE	(1u << 2)	/* run cleanup at the end */
#define SHIM_START_ADOPT	(1u << 3)	/* RUN/status names a container
						 * that lost its shim */

#define SHIM_CLEANUP_MAX 8

struct shim_start {
	uint32_t flags;			/* SHIM_START_* */
	uint32_t fds;			/* bit 1 << SHIM_FD_x: it is sent, in
					 * the order of the enum */
	uint32_t streams;		/* SHIM_ATTACH_* of this socket */
	uint32_t log;			/* enum shim_log */
	uint32_t log_files;		/* at least 1 */
	uint64_t log_size;		/* of one file; 0: never rotated */
	int32_t stop_signal;
	uint64_t stop_timeout_ms;
	uint16_t rows;			/* of the terminal; 0: unknown */
	uint16_t cols;
	const char *cgroup;		/* for the status page; "" none */
	const char *fallback;		/* RUN's stand-in when that is removed:
					 * a path; "" none */
	const char *net_path;		/* coracle-net; "" no network to serve */
	const void *net;		/* struct net_config */
	size_t net_len;
	/* Run at the end when SHIM_START_REMOVE is set and the owner did not
	 * say SHIM_RELEASE; cleanup[0] is the program's path. */
	const char *cleanup[SHIM_CLEANUP_MAX + 1];
};

struct buf;

/* At most MAX_SHIM_MESSAGE bytes.  -EFBIG */
int shim_start_print(struct buf *b, const struct shim_start *s,
		     struct err *e) MUST_CHECK;

/* The strings of *out point into data. */
int shim_start_parse(struct shim_start *out, const void *data, size_t len,
		     struct err *e) MUST_CHECK;

/* --- requests, replies, frames --- */

enum shim_op {
	SHIM_ATTACH = 1,	/* flags: streams; then frames follow */
	SHIM_STDIN,		/* attached clients: bytes for stdin, at most
				 * SHIM_STDIN_MAX, one unanswered at a time */
	SHIM_STDIN_EOF,
	SHIM_RESIZE,		/* value: rows << 16 | cols; no reply */
	SHIM_KILL,		/* value: signal; id: exec or 0 */
	SHIM_STOP,		/* value: signal, 0: the container's; arg:
				 * timeout ms, then KILL; ~0: its own timeout */
	SHIM_EXEC,		/* descriptors: exec plan in a memory file, then
				 * stdin, stdout, stderr; or the plan alone:
				 * flags SHIM_EXEC_TTY, value as in RESIZE */
	SHIM_WAIT,		/* answered by SHIM_EXIT */
	SHIM_PING,
	SHIM_REOPEN_LOG,	/* after rotation by hand */
	SHIM_RELEASE,		/* owner: I remove the container; no reply */
	SHIM_KEEP,		/* id: exec; descriptor: its terminal, which
				 * the client leaves behind by detaching */

	/* frames and replies to clients */
	SHIM_OK = 100,		/* value: result */
	SHIM_ERROR,		/* value: errno; arg: exit status for a shell;
				 * data: hint key, NUL, text */
	SHIM_STARTED,		/* value: pid; arg: rungs taken (PLAN_RUNG_*);
				 * flags: NET_NO_* when ports were asked for;
				 * data: the net_config, with the ports that
				 * were taken, when there is one */
	SHIM_STDOUT,
	SHIM_STDERR,
	SHIM_STDIN_DONE,	/* the last SHIM_STDIN was taken */
	SHIM_EXIT,		/* value: exit code or -1; id: exec or 0 */
	SHIM_EXEC_STARTED,	/* id; value: pid; descriptor: the terminal */
};

#define SHIM_ATTACH_STDIN 1u
#define SHIM_ATTACH_OUTPUT 2u
#define SHIM_ATTACH_OWNER 4u	/* the foreground `run`: loses no output, and
				 * removes when the container is temporary */

#define SHIM_EXEC_TTY 1u

#define SHIM_STDIN_MAX KIB(16)

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

/* A complete header for a message of this build. */
static inline struct shim_msg shim_msg_make(enum shim_op op, int64_t value)
{
	return (struct shim_msg){
		.version = SHIM_VERSION,
		.op = op,
		.value = value,
	};
}

/* Bytes of a file or message to a struct.  -EBADMSG: not of this version or
 * cut short; the contents are checked (states, lengths, NUL-ended text). */
int shim_page_parse(struct shim_page *out, const void *data, size_t len,
		    struct err *e) MUST_CHECK;
int shim_exit_parse(struct shim_exit *out, const void *data, size_t len,
		    struct err *e) MUST_CHECK;
int shim_msg_parse(struct shim_msg *out, const void **data, const void *msg,
		   size_t len, struct err *e) MUST_CHECK;

const char *shim_state_name(enum shim_state s);	/* "running" */
