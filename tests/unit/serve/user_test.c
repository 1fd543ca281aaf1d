/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "serve/user.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/spamgauge-user-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) && chmod(folder, 0755) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

static uid_t owner(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_uid;
}

static void chooses(void **state)
{
    struct sandbox_user u, again;
    struct errbuf eb = {.text = ""};
    (void)state;
    if (geteuid() != 0) {
        assert_int_equal(user_choose("no-such-user", folder, &u, &eb), OK);
        assert_int_equal(u.uid, 0); /* nothing to change */
        skip();
    }
    assert_int_equal(user_choose("no-such-user", folder, &u, &eb), ERR_CONFIG);
    assert_non_null(strstr(eb.text, "no-such-user"));
    assert_int_equal(user_choose("root", folder, &u, &eb), OK);
    assert_int_equal(u.uid, 0);
    assert_int_equal(user_choose("", folder, &u, &eb), OK);
    assert_true(u.uid != 0 && u.gid != 0);
    assert_int_equal(user_give(u, folder, false, &eb), OK);
    assert_int_equal(user_choose("", folder, &again, &eb),
                     OK); /* from now on the folder says who */
    assert_int_equal(again.uid, u.uid);
}

/* Another user, the same group. */
static void chooses_another_for_the_trap(void **state)
{
    const struct sandbox_user root = {0, 0}, u = {61184, 61185};
    struct sandbox_user trap, again;
    struct errbuf eb = {.text = ""};
    (void)state;
    assert_int_equal(user_choose_trap("no-such-user", folder, root, &trap, &eb), OK);
    assert_int_equal(trap.uid, 0);
    assert_int_equal(user_choose_trap("no-such-user", folder, u, &trap, &eb), ERR_CONFIG);
    assert_int_equal(user_choose_trap("", in_folder("absent"), u, &trap, &eb), OK);
    assert_true(trap.uid != 0 && trap.uid != u.uid && trap.gid == u.gid);
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(mkdir(in_folder("traps"), 0700), 0);
    assert_int_equal(user_give(u, in_folder("traps"), false, &eb), OK);
    assert_int_equal(user_choose_trap("", in_folder("traps"), u, &again, &eb), OK);
    assert_int_equal(again.uid, trap.uid); /* it was the other one's: from before */
    trap.uid = 61999;
    assert_int_equal(user_give(trap, in_folder("traps"), false, &eb), OK);
    assert_int_equal(user_choose_trap("", in_folder("traps"), u, &again, &eb), OK);
    assert_int_equal(again.uid, 61999); /* from now on the folder says who */
    assert_int_equal(user_reaches(trap, in_folder("traps"), true, &eb), OK);
    assert_int_equal(user_reaches(u, in_folder("traps"), false, &eb), ERR_CONFIG);
    assert_int_equal(user_permit(in_folder("traps"), S_IRWXG, S_IRGRP | S_IXGRP, &eb), OK);
    assert_int_equal(user_reaches(u, in_folder("traps"), false, &eb), OK);
    assert_int_equal(user_reaches(u, in_folder("traps"), true, &eb), ERR_CONFIG);
    assert_int_equal(user_permit(in_folder("absent"), S_IRWXG, 0, &eb), OK);
}

static void gives_files_but_follows_no_link(void **state)
{
    struct sandbox_user u = {61999, 61999};
    struct errbuf eb = {.text = ""};
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(mkdir(in_folder("spool"), 0700), 0);
    close(open(in_folder("spool/1.seg"), O_CREAT | O_WRONLY, 0600));
    close(open(in_folder("secret"), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(symlink(in_folder("secret"), in_folder("spool/link")), 0);
    assert_int_equal(link(in_folder("secret"), in_folder("spool/hard")), 0);
    assert_int_equal(user_give(u, in_folder("spool"), true, &eb), OK);
    assert_int_equal(owner(in_folder("spool")), u.uid);
    assert_int_equal(owner(in_folder("spool/1.seg")), u.uid);
    assert_int_equal(owner(in_folder("secret")), 0);
    assert_int_equal(user_give(u, in_folder("absent"), true, &eb), OK);
    assert_int_equal(user_reaches(u, in_folder("spool"), true, &eb), OK);
    assert_int_equal(mkdir(in_folder("closed"), 0700), 0);
    assert_int_equal(user_reaches(u, in_folder("closed"), true, &eb), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses),
        cmocka_unit_test(chooses_another_for_the_trap),
        cmocka_unit_test(gives_files_but_follows_no_link),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
