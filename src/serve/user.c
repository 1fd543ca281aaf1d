/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/user.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The range that systemd's DynamicUser= takes its numbers from: no distribution gives them to
 * people or packages. */
enum { FREE_FIRST = 61184, FREE_LAST = 65519 };

static bool free_find(uid_t taken, struct sandbox_user *out)
{
    for (uid_t id = FREE_FIRST; id <= FREE_LAST; id++) {
        if (id != taken && !getpwuid(id) && !getgrgid(id)) {
            *out = (struct sandbox_user){id, id};
            return true;
        }
    }
    return false;
}

enum err user_choose(const char *name, const char *folder, struct sandbox_user *out,
                     struct errbuf *eb)
{
    struct stat st;
    *out = (struct sandbox_user){0, 0};
    if (geteuid() != 0) {
        return OK;
    }
    const struct passwd *who = getpwnam(*name ? name : "spamgauge");
    if (*name && !who) {
        return err_set(eb, ERR_CONFIG, "there is no user %s", name);
    }
    if (!*name && stat(folder, &st) == 0 && st.st_uid != 0) {
        *out = (struct sandbox_user){st.st_uid, st.st_gid};
    } else if (who) {
        *out = (struct sandbox_user){who->pw_uid, who->pw_gid};
    } else if (!free_find(0, out)) {
        return err_set(eb, ERR_CONFIG, "no free user number; name one in `user`");
    }
    return OK;
}

enum err user_choose_trap(const char *name, const char *folder, struct sandbox_user user,
                          struct sandbox_user *out, struct errbuf *eb)
{
    struct stat st;
    *out = user;
    if (!user.uid) {
        return OK;
    }
    const struct passwd *who = getpwnam(*name ? name : "spamgauge-trap");
    if (*name && !who) {
        return err_set(eb, ERR_CONFIG, "there is no user %s", name);
    }
    if (!*name && stat(folder, &st) == 0 && st.st_uid != 0 && st.st_uid != user.uid) {
        out->uid = st.st_uid;
    } else if (who) {
        out->uid = who->pw_uid;
    } else if (!free_find(user.uid, out)) {
        return err_set(eb, ERR_CONFIG, "no free user number; name one in `user_trap`");
    }
    out->gid = out->uid ? user.gid : 0;
    return OK;
}

/* Regular files only, by descriptor: who owns the folder may have put a link there. */
static bool entry_give(int dir, const char *name, struct sandbox_user user)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno == ELOOP || errno == ENXIO || errno == ENOENT;
    }
    bool done =
        fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid == user.uid ||
                                fchown(fd, user.uid, user.gid) == 0);
    close(fd);
    return done;
}

enum err user_give(struct sandbox_user user, const char *path, bool with_files, struct errbuf *eb)
{
    struct stat st;
    int fd = user.uid ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0) {
        return !user.uid || errno == ENOENT ? OK
                                            : err_at(eb, ERR_IO, path, 0, 0, "%s", strerror(errno));
    }
    bool done =
        fstat(fd, &st) == 0 && (st.st_uid == user.uid || fchown(fd, user.uid, user.gid) == 0);
    DIR *d = done && with_files && S_ISDIR(st.st_mode) ? fdopendir(fd) : NULL;
    for (struct dirent *entry; d && done && (entry = readdir(d)) != NULL;) {
        done = entry_give(dirfd(d), entry->d_name, user);
    }
    int saved = errno;
    if (d) {
        closedir(d);
    } else {
        close(fd);
    }
    return done ? OK
                : err_at(eb, ERR_IO, path, 0, 0, "cannot be given to user %u: %s",
                         (unsigned)user.uid, strerror(saved));
}

enum err user_permit(const char *path, mode_t mask, mode_t mode, struct errbuf *eb)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? OK : err_at(eb, ERR_IO, path, 0, 0, "%s", strerror(errno));
    }
    bool done =
        fstat(fd, &st) == 0 && fchmod(fd, (st.st_mode & ~mask & 07777) | (mode & mask)) == 0;
    int saved = errno;
    close(fd);
    return done ? OK : err_at(eb, ERR_IO, path, 0, 0, "its mode: %s", strerror(saved));
}

enum err user_reaches(struct sandbox_user user, const char *folder, bool writes, struct errbuf *eb)
{
    int status = 1, wanted = R_OK | X_OK | (writes ? W_OK : 0);
    if (!user.uid) {
        return OK;
    }
    pid_t pid = fork();
    if (pid == 0) {
        bool is_fine = setgroups(0, NULL) == 0 && setresgid(user.gid, user.gid, user.gid) == 0 &&
                       setresuid(user.uid, user.uid, user.uid) == 0 && access(folder, wanted) == 0;
        _exit(is_fine ? 0 : 1);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        return err_at(eb, ERR_CONFIG, folder, 0, 0,
                      "user %u cannot get there; put the data where others may pass "
                      "($SPAMGAUGE_DATA), or name another `user`",
                      (unsigned)user.uid);
    }
    return OK;
}
