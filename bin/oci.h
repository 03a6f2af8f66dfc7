/* oci.h - coracle-oci: containers as other engines drive them, one directory
 * each (runtime-spec runtime.md; runc's command line).
 *
 *	ROOT/ID/		0700; whoever changes it holds a flock on it
 *	  state.json	who it is; before there is an init without its pid
 *	  config.json	what it was made from: the bundle's, with what we chose
 *			ourselves and with the limits of the last update
 *	  plan		compiled; exec and hooks need parts of it
 *	  start		the socket on which a created init waits; gone once it was
 *			started
 *	  notify	the socket that the container tells READY=1
 *
 * What state a container is in is never written down: it is found out.
 *
 * Ownership: a struct oci_box owns its descriptor (and so the lock) and state.
 * Errors: -ENOENT no such container; -EEXIST; -EBADF not in the state that the
 * command needs.
 */
#pragma once

#include <stdint.h>

#include "bin/app.h"
#include "lib/fmt/ocistate.h"
#include "lib/fmt/spec.h"
#include "lib/os/cgroup.h"
#include "lib/runtime/start.h"

enum oci_level { OCI_DEBUG, OCI_INFO, OCI_WARNING, OCI_ERROR };
enum oci_manager { OCI_CGROUPFS, OCI_SYSTEMD, OCI_NO_CGROUPS };

/* What commands of coracle-oci get as their app. */
struct oci {
	struct app app;			/* the first member; no store in it */
	char *root;			/* where the containers are */
	enum oci_manager manager;
	bool is_rootless;		/* not the machine's root */
	unsigned given_fds;		/* from 3 on, that our caller left open */
	int log_fd;			/* -1: none */
	bool log_json;
	enum oci_level level;		/* the least that is said */
};

static inline struct oci *oci_of(struct app *app)
{
	return (struct oci *)app;
}

/* names in a container's directory */
#define OCI_CONFIG "config.json"
#define OCI_PLAN "plan"
#define OCI_START "start"

enum oci_status { OCI_CREATING, OCI_CREATED, OCI_RUNNING, OCI_PAUSED, OCI_STOPPED };
const char *oci_status_name(enum oci_status s);

struct oci_box {
	char *id;
	int dir;
	bool is_busy;			/* somebody else was changing it */
	struct oci_state state;
};

#define OCI_BOX_INIT { .dir = -1 }

void oci_box_clear(struct oci_box *b);

static inline void oci_box_auto(struct oci_box *b)
{
	oci_box_clear(b);
}

/* A new directory, locked. */
int oci_box_make(struct oci_box *out, const struct oci *o, const char *id,
		 struct err *e) MUST_CHECK;

/* An existing one.  Who only looks needs no lock, and does not wait for the
 * hooks of those who change. */
enum oci_access { OCI_LOOK, OCI_CHANGE };
int oci_box_open(struct oci_box *out, const struct oci *o, const char *id,
		 enum oci_access access, struct err *e) MUST_CHECK;
void oci_box_unlock(struct oci_box *b);

int oci_box_save(struct oci_box *b, struct err *e) MUST_CHECK;

/* Removes the directory. */
int oci_box_drop(struct oci_box *b, const struct oci *o, struct err *e) MUST_CHECK;

enum oci_status oci_box_status(const struct oci_box *b);

/* Its cgroup; -1 when it has none, or it was lost with a reboot. */
int oci_box_cgroup(const struct oci_box *b);

/* A pidfd of its init. */
int oci_box_init(const struct oci_box *b, struct err *e) MUST_CHECK;

int oci_box_save_spec(const struct oci_box *b, const struct spec *s,
		      struct err *e) MUST_CHECK;
int oci_box_spec(struct spec *out, const struct oci_box *b, struct err *e) MUST_CHECK;

/* The checked plan, in memory that the caller frees. */
int oci_box_plan(struct buf *out, const struct oci_box *b, struct err *e) MUST_CHECK;

struct oci_pids {
	pid_t *v;
	size_t len;
};

static inline void oci_pids_auto(struct oci_pids *p)
{
	free_auto(&p->v);
}

/* Names of all containers, in order. */
int oci_list(struct strv *out, const struct oci *o, struct err *e) MUST_CHECK;

/* The processes of the container: of its cgroup, else of its pid namespace. */
int oci_pids(struct oci_pids *out, const struct oci_box *b, struct err *e) MUST_CHECK;

/* The error, on stderr and in the log; it is empty afterwards. */
void oci_fail(const struct oci *o, struct err *e);

/* A line for the log when there is one, else for people. */
void oci_warn(const struct oci *o, const char *fmt, ...) PRINTF(2, 3);
void oci_say(const struct oci *o, enum oci_level level, const char *text);

/* Of names of capabilities that we do not know. */
void oci_warn_caps(const struct oci *o, const struct spec_process *p);

/* --- steps that several commands share --- */

struct oci_create_opts {
	const char *bundle;		/* NULL: here */
	const char *console_socket;
	const char *pid_file;
	const char *pidfd_socket;
	const char *preserve_fds;
	bool no_pivot;
	bool no_new_keyring;
	bool keep;			/* run: after its end */
	bool detach;			/* run */
	bool foreground;		/* run: a terminal may stay with us */
};
extern const struct opt oci_create_options[];

/* A spec without a user namespace gets one from a caller who could do nothing
 * without: our own id ladder. */
int oci_default_ids(struct spec *s, struct oci *o, struct err *e) MUST_CHECK;

/* A number of descriptors from 3 on that are to be passed; they must be open. */
#define OCI_FDS_MAX 64
int oci_given_fds(unsigned *out, const struct oci *o, const char *text, const char *what,
		  struct err *e) MUST_CHECK;

/* The terminal stays with the caller (console_fd) unless there is a socket for
 * it.  The box is locked and saved. */
int oci_create(struct oci_box *out, struct rt_container *c, struct oci *o, const char *id,
	       const struct oci_create_opts *opts, struct err *e) MUST_CHECK;

/* The same for a container whose init does not start: it is made by a function
 * of the caller's, in the cgroup that the box then has, and runs. */
struct oci_source {
	int (*check)(const struct spec *s, void *arg, struct err *e);	/* before all else */
	int (*make)(struct rt_container *out, const struct oci_box *b, const struct spec *s,
		    void *arg, struct err *e);
	void *arg;
};
int oci_create_from(struct oci_box *out, struct rt_container *c, struct oci *o,
		    const char *id, const struct oci_create_opts *opts,
		    const struct oci_source *source, struct err *e) MUST_CHECK;

/* Unlocked afterwards.  *notify_fd: for oci_notify_proxy(), or -1. */
int oci_start(struct oci_box *b, int *notify_fd, struct err *e) MUST_CHECK;
int oci_delete(struct oci_box *b, struct oci *o, struct err *e) MUST_CHECK;

/* Kills its init, and waits until it has ended. */
int oci_end_init(const struct oci_box *b, struct err *e) MUST_CHECK;

/* Those that come last, when all is gone; a failure is a warning. */
void oci_poststop(struct oci *o, const void *plan);

/* Our own child in the foreground: signals, a terminal and what it notifies go
 * through, until it ends.  *status: its exit status. */
struct oci_child {
	pid_t pid;
	int pidfd;
	int console_fd;			/* -1: none */
	int notify_fd;			/* -1: none */
};

/* Before it is started: signals are kept until they can be passed on, and what it
 * leaves behind may become ours. */
int oci_hold_signals(bool adopt, struct err *e) MUST_CHECK;
int oci_foreground(int *status, const struct oci_child *child, const struct oci *o,
		   struct err *e) MUST_CHECK;

/* The same for a container's init; the container is deleted afterwards, unless
 * it is to be kept.  Returns the exit status. */
int oci_attend(const struct oci_box *b, struct oci *o, const struct rt_container *c,
	       int notify_fd, bool keep, struct err *e) MUST_CHECK;

/* A terminal, or another descriptor, for whoever listens there. */
int oci_send_fd(const char *socket_path, const char *name, int fd, struct err *e) MUST_CHECK;
int oci_write_pid(const char *path, pid_t pid, struct err *e) MUST_CHECK;
