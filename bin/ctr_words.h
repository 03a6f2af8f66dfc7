/* ctr_words.h - what containerd's ctr takes, said in this program's words.
 *
 *	coracle ctr -n k8s.io images list -q
 *	ctr run --rm -t docker.io/library/alpine:latest test sh
 *
 * A line of ctr becomes a line of coracle: groups and verbs by their aliases,
 * flags by name, the container's id behind the image as its name.  What ctr
 * says about its daemon (--address, --timeout) has no meaning and is dropped;
 * flags and verbs that are not there are refused by name.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/base/strv.h"

/* argv: behind the word ctr.  -EINVAL: not a line of ctr's, or refused. */
int ctr_words(struct strv *out, char **argv, int argc, struct err *e) MUST_CHECK;
