#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "bin/image_args.h"
#include "bin/image_env.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/plugin/credential.h"
#include "lib/registry/resolve.h"

#define DEFAULT_REGISTRY "docker.io"

/* A line without its end; on a terminal without showing it. */
static int read_secret(struct secret *out, const char *prompt, struct err *e)
{
	char line[4096] = "";
	struct termios saved;
	bool hide = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &saved) == 0;

	if (prompt && isatty(STDIN_FILENO))
		fprintf(stderr, "%s", prompt);
	if (hide) {
		struct termios t = saved;

		t.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
	}
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	if (hide) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
		fputc('\n', stderr);
	}
	line[strcspn(line, "\r\n")] = '\0';
	if (!line[0])
		return err_set(e, EINVAL, "no password was given");
	secret_set(out, line);
	secret_wipe(line, sizeof(line));
	return 0;
}

static int read_user(char **out, struct err *e)
{
	char line[512] = "";

	if (!isatty(STDIN_FILENO))
		return err_set(e, EINVAL, "no user name was given: -u NAME");
	fprintf(stderr, "Username: ");
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (!line[0])
		return err_set(e, EINVAL, "no user name was given");
	*out = mem_str(line);
	return 0;
}

static int get_creds(struct registry_creds *c, const struct login_args *a, struct err *e)
{
	int r = 0;

	if (a->user)
		c->user = mem_str(a->user);
	else
		r = read_user(&c->user, e);
	if (r < 0)
		return r;
	if (a->password) {
		secret_set(&c->password, a->password);
		return 0;
	}
	return read_secret(&c->password, a->password_stdin ? NULL : "Password: ", e);
}

/* docker's own file: what it holds besides is kept. */
static int read_config(struct authfile **out, const char *path, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_AUTH_FILE);
	struct err absent = ERR_INIT;
	int r = fs_read(AT_FDCWD, path, &text, &absent);

	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return err_move(e, &absent);
	r = authfile_parse(out, text.data, text.len, e);
	return r < 0 ? err_ctx(e, r, "'%s'", path) : 0;
}

static int write_config(const struct authfile *f, const char *path, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_AUTH_FILE);
	AUTO_FREE char *dir = mem_str(path);
	char *slash = strrchr(dir, '/');
	AUTO_FD int fd = -1;

	*slash = '\0';
	fd = fs_mkdirs(AT_FDCWD, dir, 0700, e);
	if (fd < 0)
		return fd;
	authfile_print(f, &text);
	return fs_replace(fd, slash + 1, text.data, text.len, 0600, FS_SYNC, e);
}

static int store_creds(struct authfile *f, const char *host, const struct registry_creds *c,
		       struct err *e)
{
	struct credential_helper helper = { .name = authfile_helper(f, host) };
	struct credential cred = CREDENTIAL_INIT;
	bool has_token = secret_is_set(&c->identity_token);
	const struct secret *secret = has_token ? &c->identity_token : &c->password;
	int r;

	if (!helper.name) {
		authfile_set(f, host, c->user, has_token ? NULL : secret->text,
			     has_token ? secret->text : NULL);
		return 0;
	}
	cred.user = mem_str(has_token ? CREDENTIAL_TOKEN_USER : c->user);
	secret_set(&cred.secret, secret->text);
	r = credential_store(&helper, host, &cred, e);
	credential_clear(&cred);
	if (r == 0)
		authfile_set_helped(f, host);
	return r;
}

int login_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct login_args *a = args;
	const char *host = count ? operands[0] : DEFAULT_REGISTRY;
	AUTO(image_tool) struct image_tool tool;
	AUTO(registry_creds) struct registry_creds creds = REGISTRY_CREDS_INIT;
	AUTO(authfile) struct authfile *file = NULL;
	AUTO_FREE char *path = docker_config_path();
	int r = get_creds(&creds, a, e);

	tool = (struct image_tool){ .file_count = 0 };
	progress_init(&tool.progress, false);
	if (r == 0)
		r = read_config(&file, path, e);
	if (r == 0)
		r = image_tool_registry(&tool, app, a->plain_http, e);
	if (r == 0)
		r = registry_login(tool.registry, host, &creds, e);
	if (r == 0)
		r = store_creds(file, host, &creds, e);
	if (r == 0)
		r = write_config(file, path, e);
	if (r < 0)
		return err_ctx(e, r, "login to '%s'", host);
	app_printf(app, "Login Succeeded\n");
	return EXIT_DONE;
}

int logout_run(struct app *app, void *args UNUSED, char **operands, int count, struct err *e)
{
	const char *host = count ? operands[0] : DEFAULT_REGISTRY;
	AUTO(authfile) struct authfile *file = NULL;
	AUTO_FREE char *path = docker_config_path();
	struct credential_helper helper = { .name = NULL };
	bool had = false;
	int r = read_config(&file, path, e);

	if (r < 0)
		return r;
	helper.name = authfile_helper(file, host);
	if (helper.name) {
		r = credential_erase(&helper, host, e);
		if (r == -ENOENT) {
			err_clear(e);
			r = 0;
		}
		had = r == 0;
	}
	had |= authfile_remove(file, host);
	if (r == 0 && had)
		r = write_config(file, path, e);
	if (r < 0)
		return err_ctx(e, r, "logout from '%s'", host);
	app_say(app,
		had ? "credentials for '%s' are removed" : "there were no credentials for '%s'",
		host);
	return EXIT_DONE;
}
