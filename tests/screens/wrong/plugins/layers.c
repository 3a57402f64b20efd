/* Runs a program under as many layers of Landlock as a kernel allows, so that none can be added. */

#define _GNU_SOURCE

#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    struct landlock_ruleset_attr nodes = { .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_CHAR };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &nodes, sizeof nodes.handled_access_fs, 0);
    if (count < 2 || ruleset < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return 77;
    }
    while (syscall(SYS_landlock_restrict_self, ruleset, 0) == 0) {
        continue;
    }
    close(ruleset);
    execv(arguments[1], arguments + 1);
    return 78;
}
