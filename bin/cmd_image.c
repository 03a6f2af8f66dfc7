/* The commands of coracle-image: their entries; what they do is in
 * bin/image_X.c, which links the heavy libraries. */
#include "bin/image_args.h"
#include "lib/snap/snap.h"
#include "lib/store/store.h"

static const struct opt pull_opts[] = {
	TEXT(struct pull_args, platform, 0, "platform", "OS/ARCH", WORD_ANY,
	     "Choose this entry of a multi-platform image"),
	FLAG(struct pull_args, plain_http, 0, "plain-http", "Speak to the registry without TLS"),
	CHOICE(struct pull_args, policy, 0, "policy", "always missing newer never",
	       "When to ask the registry"),
	FLAG(struct pull_args, quiet, 'q', "quiet", "Print only the reference"),
	TEXT(struct pull_args, snapshotter, 0, "snapshotter", "NAME", WORD_ANY,
	     "Force how layers are stacked: " SNAP_NAMES),
	{ .kind = OPT_END },
};

static const char *const pull_aliases[] = { "image pull", NULL };

const struct cmd cmd_pull = {
	.name = "pull",
	.aliases = pull_aliases,
	.summary = "Fetch images from their registries",
	.operands = "IMAGE...",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = -1,
	.about = "Fetch each IMAGE and unpack it for the next run. Layers that the store already "
		 "holds are not fetched again, and a download that was cut goes on where it "
		 "stopped.",
	.example = "coracle pull debian:12\ncoracle pull --platform linux/arm64 alpine:3.20",
	.opts = pull_opts,
	.args_size = sizeof(struct pull_args),
	.program = PROGRAM_IMAGE,
};

static const struct opt fetch_opts[] = {
	TEXT(struct pull_args, platform, 0, "platform", "OS/ARCH", WORD_ANY,
	     "Choose this entry of a multi-platform image"),
	FLAG(struct pull_args, plain_http, 0, "plain-http", "Speak to the registry without TLS"),
	FLAG(struct pull_args, quiet, 'q', "quiet", "Print only the reference"),
	{ .kind = OPT_END },
};

const struct cmd cmd_content_fetch = {
	.name = "content fetch",
	.summary = "Fetch images without unpacking them",
	.operands = "IMAGE...",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = -1,
	.about = "As 'coracle pull', but no layer is unpacked: the first run does that, or "
		 "'coracle snapshot unpack'.",
	.example = "coracle content fetch alpine:3.20",
	.opts = fetch_opts,
	.args_size = sizeof(struct pull_args),
	.program = PROGRAM_IMAGE,
};

static const struct opt remote_opts[] = {
	FLAG(struct remote_args, plain_http, 0, "plain-http", "Speak to the registry without TLS"),
	{ .kind = OPT_END },
};

const struct cmd cmd_content_fetch_blob = {
	.name = "content fetch-blob",
	.summary = "Write what a registry has to standard output",
	.operands = "IMAGE DIGEST...",
	.min = 2,
	.max = -1,
	.about = "Write blobs or manifests of the repository of IMAGE one after the other. "
		 "Nothing is stored. The bytes are written as they come, and hashed: the exit "
		 "status is 1 when they were not those of DIGEST.",
	.example = "coracle content fetch-blob alpine:3.20 sha256:… | tar -tz",
	.opts = remote_opts,
	.args_size = sizeof(struct remote_args),
	.program = PROGRAM_IMAGE,
};

const struct cmd cmd_content_fetch_object = {
	.name = "content fetch-object",
	.summary = "Write the manifest or index that a registry has",
	.operands = "IMAGE",
	.min = 1,
	.max = 1,
	.about = "Write to standard output what IMAGE stands for at its registry now, byte by "
		 "byte. Nothing is stored.",
	.example = "coracle content fetch-object alpine:3.20 | jq '.manifests[].platform'",
	.opts = remote_opts,
	.args_size = sizeof(struct remote_args),
	.program = PROGRAM_IMAGE,
};

const struct cmd cmd_content_push_object = {
	.name = "content push-object",
	.summary = "Send one blob of the store to a registry",
	.operands = "IMAGE DIGEST [TYPE]",
	.min = 2,
	.max = 3,
	.about = "Send the blob DIGEST to the repository of IMAGE, unless that has it. A manifest "
		 "or index gets the tag of IMAGE, or without one is there by its digest only; what "
		 "it refers to has to be there before. TYPE is its media type, and otherwise what "
		 "the bytes say.",
	.example = "coracle content push-object registry.example.com/app sha256:…\n"
		   "coracle content push-object registry.example.com/app:1 sha256:… "
		   "application/vnd.oci.image.manifest.v1+json",
	.opts = remote_opts,
	.args_size = sizeof(struct remote_args),
	.program = PROGRAM_IMAGE,
};

static const struct opt ingest_opts[] = {
	TEXT(struct ingest_args, expected_digest, 0, "expected-digest", "DIGEST", WORD_ANY,
	     "Refuse anything else"),
	TEXT(struct ingest_args, expected_size, 0, "expected-size", "BYTES", WORD_ANY,
	     "Refuse any other size"),
	LIST(struct ingest_args, labels, 0, "label", "KEY=VALUE", WORD_ANY, "Set this label"),
	{ .kind = OPT_END },
};

static void ingest_clear(void *args)
{
	struct ingest_args *a = args;

	strv_clear(&a->labels);
}

const struct cmd cmd_content_ingest = {
	.name = "content ingest",
	.summary = "Take standard input as a blob",
	.max = 0,
	.about = "Print the digest of what was read. What nothing refers to goes with the next "
		 "collection, unless it has the label " LABEL_GC_ROOT ".",
	.example = "coracle content ingest --label " LABEL_GC_ROOT "=mine <layer.tar.gz",
	.opts = ingest_opts,
	.args_size = sizeof(struct ingest_args),
	.clear = ingest_clear,
	.program = PROGRAM_IMAGE,
};

static const struct opt login_opts[] = {
	TEXT(struct login_args, password, 'p', "password", "PASSWORD", WORD_ANY,
	     "The password; others can see it in the process list"),
	FLAG(struct login_args, password_stdin, 0, "password-stdin",
	     "Read the password from standard input"),
	FLAG(struct login_args, plain_http, 0, "plain-http", "Speak to the registry without TLS"),
	TEXT(struct login_args, user, 'u', "username", "USER", WORD_ANY, "The user name"),
	{ .kind = OPT_END },
};

const struct cmd cmd_login = {
	.name = "login",
	.summary = "Store credentials for a registry",
	.operands = "[REGISTRY]",
	.max = 1,
	.about = "Check a user name and password with REGISTRY (docker.io) and store them, in "
		 "the credential helper that docker's config.json names, else in that file.",
	.example = "coracle login -u ann --password-stdin registry.example.com < password",
	.opts = login_opts,
	.args_size = sizeof(struct login_args),
	.program = PROGRAM_IMAGE,
};

const struct cmd cmd_logout = {
	.name = "logout",
	.summary = "Forget the credentials for a registry",
	.operands = "[REGISTRY]",
	.max = 1,
	.example = "coracle logout registry.example.com",
	.program = PROGRAM_IMAGE,
};

static const struct opt load_opts[] = {
	FLAG(struct load_args, force, 'f', "force",
	     "A name that exists may move to the loaded image"),
	TEXT(struct load_args, input, 'i', "input", "FILE", WORD_FILE,
	     "Read this file, not standard input"),
	TEXT(struct load_args, platform, 0, "platform", "OS/ARCH", WORD_ANY, "Only this platform"),
	FLAG(struct load_args, quiet, 'q', "quiet", "Print no progress"),
	{ .kind = OPT_END },
};

static const char *const load_aliases[] = { "image load", NULL };

const struct cmd cmd_load = {
	.name = "load",
	.aliases = load_aliases,
	.summary = "Read images from an archive",
	.max = 0,
	.about = "Read a docker-archive or oci-archive, plain or compressed with gzip or zstd. A "
		 "name that already stands for another image is not moved without --force.",
	.example = "coracle load -i image.tar.gz\n"
		   "curl -s https://example.com/image.tar | coracle load",
	.opts = load_opts,
	.args_size = sizeof(struct load_args),
	.program = PROGRAM_IMAGE,
};

static const struct opt save_opts[] = {
	CHOICE(struct save_args, format, 0, "format", "docker-archive oci-archive",
	       "The kind of archive"),
	TEXT(struct save_args, output, 'o', "output", "FILE", WORD_FILE,
	     "Write this file, not standard output"),
	FLAG(struct save_args, quiet, 'q', "quiet", NULL),
	{ .kind = OPT_END },
};

static const char *const save_aliases[] = { "image save", NULL };

const struct cmd cmd_save = {
	.name = "save",
	.aliases = save_aliases,
	.summary = "Write images to an archive",
	.operands = "IMAGE...",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = -1,
	.example = "coracle save -o debian.tar debian:12\n"
		   "coracle save --format oci-archive app | zstd > app.tar.zst",
	.opts = save_opts,
	.args_size = sizeof(struct save_args),
	.program = PROGRAM_IMAGE,
};

static const struct opt cp_opts[] = {
	FLAG(struct cp_args, archive, 'a', "archive", "Keep owners as the container has them"),
	FLAG(struct cp_args, follow, 'L', "follow-link",
	     "Copy what a link leads to, when it is named as source"),
	FLAG(struct cp_args, quiet, 'q', "quiet", "Say nothing; it says nothing anyway"),
	{ .kind = OPT_END },
};

static const char *const cp_aliases[] = { "container cp", NULL };

const struct cmd cmd_cp = {
	.name = "cp",
	.aliases = cp_aliases,
	.summary = "Copy files into a container, or out of it",
	.operands = "CONTAINER:PATH|PATH|- CONTAINER:PATH|PATH|-",
	.operand_word = WORD_FILE,
	.min = 2,
	.max = 2,
	.about = "Copy a file or a directory with all that is in it, whether the container runs "
		 "or not. A directory that exists is copied into; DIR/. is only what is in it. "
		 "With - the host's side is a tar archive on standard input or output. What "
		 "comes in belongs to the container's root, what comes out to you, unless "
		 "--archive is given.",
	.example = "coracle cp site/. web:/usr/share/nginx/html\n"
		   "coracle cp web:/var/log/nginx logs\n"
		   "coracle cp web:/etc - | tar -t",
	.opts = cp_opts,
	.args_size = sizeof(struct cp_args),
	.program = PROGRAM_IMAGE,
};

static const struct opt export_opts[] = {
	TEXT(struct export_args, output, 'o', "output", "FILE", WORD_FILE,
	     "Write this file, not standard output"),
	{ .kind = OPT_END },
};

static const char *const export_aliases[] = { "container export", NULL };

const struct cmd cmd_export = {
	.name = "export",
	.aliases = export_aliases,
	.summary = "Write the files of a container to a tar archive",
	.operands = "CONTAINER",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = 1,
	.about = "Write the whole root file system of CONTAINER, running or not, as one tar "
		 "archive, with owners as the container sees them. Volumes and all else that is "
		 "mounted in it are empty there.",
	.example = "coracle export -o web.tar web\n"
		   "coracle export web | coracle import - web:flat",
	.opts = export_opts,
	.args_size = sizeof(struct export_args),
	.program = PROGRAM_IMAGE,
};

static const struct opt import_opts[] = {
	LIST(struct import_args, changes, 'c', "change", "CHANGE", WORD_ANY,
	     "Set this in the new image: a line of a Dockerfile"),
	TEXT(struct import_args, message, 'm', "message", "TEXT", WORD_ANY,
	     "Say this in the image's history"),
	TEXT(struct import_args, platform, 0, "platform", "OS/ARCH", WORD_ANY,
	     "What the files are for; this machine's by default"),
	FLAG(struct import_args, quiet, 'q', "quiet", "Print no progress"),
	TEXT(struct import_args, epoch, 0, "source-date-epoch", "SECONDS", WORD_ANY,
	     "The image was made then, not now"),
	{ .kind = OPT_END },
};

static void import_clear(void *args)
{
	struct import_args *a = args;

	strv_clear(&a->changes);
}

static const char *const import_aliases[] = { "image import", NULL };

const struct cmd cmd_import = {
	.name = "import",
	.aliases = import_aliases,
	.summary = "Make an image of a tar archive of files",
	.operands = "FILE|- [IMAGE]",
	.operand_word = WORD_FILE,
	.min = 1,
	.max = 2,
	.about = "Make an image of one layer from a tar archive, plain or compressed with gzip or "
		 "zstd, and give it the name IMAGE. CHANGE is one of CMD, ENTRYPOINT, ENV, "
		 "EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR with what follows it in a "
		 "Dockerfile. SOURCE_DATE_EPOCH in the environment stands for the option.",
	.example = "coracle import -c 'CMD [\"sh\"]' rootfs.tar.gz base:1\n"
		   "coracle export web | coracle import - web:flat",
	.opts = import_opts,
	.args_size = sizeof(struct import_args),
	.clear = import_clear,
	.program = PROGRAM_IMAGE,
};

static const struct opt check_opts[] = {
	FLAG(struct check_args, deep, 0, "deep",
	     "Read every blob and unpack every layer again, to compare"),
	CHOICE(struct check_args, format, 0, "format", "text json", "One line for each problem"),
	FLAG(struct check_args, repair, 0, "repair", "Fetch and unpack again what is damaged"),
	{ .kind = OPT_END },
};

const struct cmd cmd_system_check = {
	.name = "system check",
	.summary = "Look whether the store is whole",
	.max = 0,
	.about = "Compare the database with what is on disk, and print a line for each problem: "
		 "what is wrong with which object. The exit status is 1 when there is one left. "
		 "--deep needs room for a second copy of the largest image. "
		 "--repair moves damaged blobs to content/quarantine, fetches them again from "
		 "where their images came, and unpacks lost and damaged layers, unless a "
		 "container runs on them; what a user made is never removed.",
	.example = "coracle system check\n"
		   "coracle system check --deep --repair",
	.opts = check_opts,
	.args_size = sizeof(struct check_args),
	.program = PROGRAM_IMAGE,
};

const struct cmd cmd_system_rebuild = {
	.name = "system rebuild",
	.summary = "Make a lost or damaged database again from the files",
	.max = 0,
	.about = "Verify every blob, and take images from the index of the layout, layers, "
		 "containers and their state from what is kept beside their files, volumes from "
		 "their directories. Events, leases and labels of anything but containers are "
		 "lost. The old database stays beside the new one as meta.db.old; what cannot be "
		 "made out is moved to the directory lost, and the exit status is 1. A database "
		 "that is whole is left alone.",
	.example = "coracle system rebuild",
	.program = PROGRAM_IMAGE,
};

static const struct opt commit_opts[] = {
	TEXT(struct commit_args, author, 'a', "author", "NAME", WORD_ANY, "Who made the image"),
	LIST(struct commit_args, changes, 'c', "change", "CHANGE", WORD_ANY,
	     "Set this in the new image: a line of a Dockerfile"),
	TEXT(struct commit_args, message, 'm', "message", "TEXT", WORD_ANY,
	     "Say this in the image's history"),
	FLAG(struct commit_args, no_pause, 0, "no-pause", "Let the container run meanwhile"),
	FLAG_ON(struct commit_args, no_pause, 'p', "pause",
		"Freeze it meanwhile, where it has a cgroup (=false: do not)"),
	FLAG(struct commit_args, quiet, 'q', "quiet", "Print no progress"),
	TEXT(struct commit_args, epoch, 0, "source-date-epoch", "SECONDS", WORD_ANY,
	     "The image was made then, and no file of the new layer is younger"),
	{ .kind = OPT_END },
};

static void commit_clear(void *args)
{
	struct commit_args *a = args;

	strv_clear(&a->changes);
}

static const char *const commit_aliases[] = { "container commit", NULL };

const struct cmd cmd_commit = {
	.name = "commit",
	.aliases = commit_aliases,
	.summary = "Make an image of what a container has become",
	.operands = "CONTAINER [IMAGE]",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = 2,
	.about = "Add what CONTAINER, running or not, changed in its files as a layer to its image "
		 "and give the result the name IMAGE. What is in volumes does not go with it. The "
		 "new image starts what the container was started with, unless CHANGE says "
		 "otherwise: one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME "
		 "and WORKDIR with what follows it in a Dockerfile. SOURCE_DATE_EPOCH in the "
		 "environment stands for the option.",
	.example = "coracle commit web web:patched\n"
		   "coracle commit -a ann -m 'with certificates' -c 'CMD [\"httpd\"]' web web:2",
	.opts = commit_opts,
	.args_size = sizeof(struct commit_args),
	.clear = commit_clear,
	.program = PROGRAM_IMAGE,
};

const struct cmd cmd_unpack = {
	.name = "__unpack",
	.summary = "Unpack an image for an id map",
	.operands = "MANIFEST POLICY UID GID SNAPSHOTTER",
	.min = 5,
	.max = 5,
	.hidden = true,
	.program = PROGRAM_IMAGE,
};

const struct cmd cmd_subid = {
	.name = "__subid",
	.summary = "Print the subordinate ids of this user",
	.max = 0,
	.hidden = true,
	.program = PROGRAM_IMAGE,
};
