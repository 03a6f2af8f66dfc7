#include "lib/base/secret.h"

#include <string.h>

#include "lib/base/mem.h"

void secret_wipe(void *data, size_t len)
{
	if (len)
		explicit_bzero(data, len);
}

void secret_clear(struct secret *s)
{
	int saved = errno;

	if (s->text)
		secret_wipe(s->text, s->len);
	free(s->text);
	s->text = NULL;
	s->len = 0;
	errno = saved;
}

void secret_setn(struct secret *s, const char *text, size_t len)
{
	char *copy = mem_strn(text, len);

	secret_clear(s);
	s->text = copy;
	s->len = len;
}

void secret_set(struct secret *s, const char *text)
{
	if (text)
		secret_setn(s, text, strlen(text));
	else
		secret_clear(s);
}

bool secret_is_set(const struct secret *s)
{
	return s->text != NULL;
}
