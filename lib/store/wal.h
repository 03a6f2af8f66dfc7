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
 * Not seen: damage to the very last frame, which looks like one that was torn.
 *
 * The layout is that of https://sqlite.org/walformat.html.  sqlite's own
 * handles are used: to close another one of the same file ends its locks.
 */
#pragma once

#include <sqlite3.h>

enum wal_rest {
	WAL_NONE,
	WAL_KILLED,		/* a writer was: of no use */
	WAL_LOST,		/* commits that cannot be read any more, which a power cut
				 * may do to those that were not synced */
	WAL_DAMAGED,		/* its head: nothing can be read */
};

/* db has read something.  Without the write lock another one may be writing:
 * then what is worse than WAL_KILLED is only a suspicion. */
enum wal_rest wal_look(sqlite3 *db);

/* Under the write lock; that it fails is for the next one to see. */
void wal_cut(sqlite3 *db);
