#include "lib/ctr/files.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

void ctr_addresses(struct ctr_addresses *out, enum ctr_net net)
{
	/* rootless/net.h: net_config_new() */
	static const struct ctr_addresses slirp = {
		.own4 = "10.0.2.100",
		.own6 = "fd00::100",
		.host = "10.0.2.2",
		.dns = "10.0.2.3",
	};

	*out = (struct ctr_addresses){ .own4 = NULL };
	if (net == CTR_NET_SLIRP)
		*out = slirp;
	else if (net == CTR_NET_HOST)
		out->host = "127.0.0.1";
}

static bool is_host_name(const char *s)
{
	return *s && strlen(s) < 256 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
		       strlen(s);
}

/* "name:address", where an IPv6 address may stand in brackets and
 * host-gateway is the host. */
static int add_host(struct buf *out, const char *text, const struct ctr_addresses *a,
		    struct err *e)
{
	AUTO_FREE char *name = mem_strn(text, strcspn(text, ":="));
	const char *value = text + strlen(name);
	unsigned char bytes[16];
	char address[64];

	if (!*value || !is_host_name(name) || !str_copy(address, sizeof(address), value + 1))
		return err_set(e, EINVAL, "--add-host '%s' is not NAME:ADDRESS", text);
	if (str_eq(address, "host-gateway")) {
		if (!a->host)
			return err_set(e, EINVAL,
				       "--add-host '%s': this network has no way to the host",
				       text);
		(void)str_copy(address, sizeof(address), a->host);
	} else if (address[0] == '[' && str_ends(address, "]")) {
		memmove(address, address + 1, strlen(address));
		address[strlen(address) - 1] = '\0';
	}
	if (inet_pton(AF_INET, address, bytes) != 1 && inet_pton(AF_INET6, address, bytes) != 1)
		return err_set(e, EINVAL, "--add-host '%s': '%s' is not an address", text, address);
	buf_addf(out, "%s\t%s\n", address, name);
	return 0;
}

int ctr_hosts(struct buf *out, const struct ctr_config *c, const char *hostname,
	      const char *name, const struct ctr_addresses *a, struct err *e)
{
	const char *own = a->own4 ? a->own4 : "127.0.1.1";

	for (size_t i = 0; i < c->add_hosts.len; i++) {
		int r = add_host(out, c->add_hosts.v[i], a, e);

		if (r < 0)
			return r;
	}
	buf_adds(out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	if (is_host_name(hostname)) {
		buf_addf(out, "%s\t%s", own, hostname);
		if (!str_eq(name, hostname))
			buf_addf(out, " %s", name);
		buf_addc(out, '\n');
	}
	if (a->host)
		buf_addf(out, "%s\thost.containers.internal host.docker.internal\n", a->host);
	return buf_ok(out, "hosts", e);
}

/* Lines of the host's file that begin with this word. */
static void copy_lines(struct buf *out, const char *text, const char *word)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (str_starts(text, word) &&
		    (text[strlen(word)] == ' ' || text[strlen(word)] == '\t')) {
			buf_add(out, text, len);
			buf_addc(out, '\n');
		}
		text += len;
		text += *text == '\n';
	}
}

static void line_of(struct buf *out, const char *word, const struct strv *values)
{
	if (!values->len)
		return;
	buf_adds(out, word);
	for (size_t i = 0; i < values->len; i++)
		buf_addf(out, " %s", values->v[i]);
	buf_addc(out, '\n');
}

void ctr_resolv_conf(struct buf *out, const struct ctr_config *c,
		     const struct ctr_addresses *a, const char *host_text)
{
	if (c->dns_search.len)
		line_of(out, "search", &c->dns_search);
	else if (c->net != CTR_NET_NONE)
		copy_lines(out, host_text, "search");
	for (size_t i = 0; i < c->dns.len; i++)
		buf_addf(out, "nameserver %s\n", c->dns.v[i]);
	if (!c->dns.len && a->dns)
		buf_addf(out, "nameserver %s\n", a->dns);
	else if (!c->dns.len && c->net == CTR_NET_HOST)
		copy_lines(out, host_text, "nameserver");
	if (c->dns_options.len)
		line_of(out, "options", &c->dns_options);
	else if (c->net == CTR_NET_HOST)
		copy_lines(out, host_text, "options");
}

void ctr_host_resolv_conf(struct buf *out)
{
	struct err ignored = ERR_INIT;

	buf_reset(out);
	if (fs_read(AT_FDCWD, "/etc/resolv.conf", out, &ignored) < 0)
		buf_reset(out);
}
