/* wal.h - what lies behind the last commit in the database's log.
 *
 * Inside lib/store only.  sqlite reads a log as far as its running checksums
 * hold, and takes the rest for that of a writer who was killed: a flipped bit
 * undoes, silently, all that was committed behind it.  But what such a writer
 * leaves looks otherwise.  Its frames are whole up to the last one, the only
 * that may be torn; nothing behind a frame that is not whole ends a commit.
 * Every transaction cuts such a rest off before it writes, so that there is
 * never more than one.
 *
 * Not seen is damage with no whole end of a commit behind it, as of the last
 * frame, and a log that became shorter: they look like a writer's end.
 *
 * The layout is that of https://sqlite.org/walformat.html.  sqlite's own
 * handles are used: to close another one of the same file ends its locks.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>

enum wal_rest {
	WAL_NONE,
	WAL_USELESS,		/* of a writer that was killed, or an older log */
	WAL_LOST,		/* commits that cannot be read any more; what was not
				 * synced may come to that by a power cut */
	WAL_DAMAGED,		/* its head: nothing can be read */
	WAL_UNREADABLE,		/* so says the disk */
};

/* db has read something.  end: where the last commit ends.  Without the write
 * lock another one may be writing: then what is worse than WAL_USELESS is only
 * a suspicion.  alone: in sqlite's exclusive mode, where there is no index
 * that processes share. */
enum wal_rest wal_look(sqlite3_int64 *end, sqlite3 *db, bool alone);

/* Under the write lock.  False: it could not. */
bool wal_cut(sqlite3 *db, sqlite3_int64 end);
