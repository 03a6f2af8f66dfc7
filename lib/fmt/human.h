/* human.h - durations and sizes as people read them, in docker's words.
 *
 * Pure and without a locale: the same text everywhere.
 */
#pragma once

#include <stdint.h>

#define HUMAN_MAX 40

/* "Less than a second", "3 seconds", "About a minute", "2 hours" */
void human_duration(uint64_t seconds, char out[static HUMAN_MAX]);

/* "2 minutes ago"; a time in the future is "Less than a second ago". */
void human_ago(uint64_t then_ns, uint64_t now_ns, char out[static HUMAN_MAX]);

/* Powers of 1000 and three digits: "0B", "12.3MB", "1.02kB".  What docker
 * shows for images and containers. */
void human_size(uint64_t bytes, char out[static HUMAN_MAX]);

/* Powers of 1024 and four digits: "1.5KiB", "15.55GiB".  What docker shows
 * for memory. */
void human_memory(uint64_t bytes, char out[static HUMAN_MAX]);
