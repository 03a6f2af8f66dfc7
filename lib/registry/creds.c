#include "lib/registry/creds.h"

#include "lib/base/str.h"
#include "lib/fmt/authfile.h"
#include "lib/plugin/credential.h"

void registry_creds_clear(struct registry_creds *c)
{
	free(c->user);
	c->user = NULL;
	secret_clear(&c->password);
	secret_clear(&c->identity_token);
	secret_clear(&c->registry_token);
}

static void move(struct secret *to, struct secret *from)
{
	secret_clear(to);
	*to = *from;
	*from = (struct secret)SECRET_INIT;
}

static int ask_helper(struct registry_creds *out, const struct auth_cred *entry,
		      const char *host, const struct creds_files *f,
		      struct err *e)
{
	AUTO(credential) struct credential c = CREDENTIAL_INIT;
	struct credential_helper h = {
		.name = entry->helper,
		.env = f->env,
		.timeout_ms = f->helper_timeout_ms,
	};
	int r;

	r = credential_get(&c, &h, str_or(entry->key, host), e);
	if (r < 0)
		return r;
	if (str_eq(c.user, CREDENTIAL_TOKEN_USER)) {
		move(&out->identity_token, &c.secret);
	} else {
		out->user = take(c.user);
		move(&out->password, &c.secret);
	}
	return 0;
}

int creds_from_files(struct registry_creds *out, const char *host,
		     const char *repo, void *files, struct err *e)
{
	const struct creds_files *f = files;
	int r;

	for (size_t i = 0; i < f->count; i++) {
		AUTO(auth_cred) struct auth_cred c = AUTH_CRED_INIT;

		r = authfile_find(&c, f->files[i], host, repo, e);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		registry_creds_clear(out);
		if (c.helper) {
			r = ask_helper(out, &c, host, f, e);
			if (r != -ENOENT)
				return r;
			err_clear(e);	/* the next file may know */
			continue;
		}
		out->user = take(c.user);
		move(&out->password, &c.password);
		move(&out->identity_token, &c.identity_token);
		move(&out->registry_token, &c.registry_token);
		return 0;
	}
	return err_set(e, ENOENT, "no credentials for '%s'", host);
}
