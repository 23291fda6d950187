/* Sees from outside which processes of a name there are, without being the limit itself.

   watch until NAME COUNT SECONDS   say "ready", then the ns of CLOCK_MONOTONIC when exactly COUNT
                                    processes are called NAME
   watch replace NAME SECONDS       kill -9 all that are called NAME, then the ns at which the
                                    killing began and at which as many new ones are called so

   A process has its name from its exec on.  Exit status 1: not within SECONDS. */

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 22 };

static char known[MOST]; /* by pid: 0 unknown, 1 has the name, 2 had it and was killed */
static unsigned seen[MOST]; /* by pid: the look at which it was seen last */
static unsigned look;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int is_called(int pid, const char *name) {
    char path[32], comm[32];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    char text[256];
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = 0;
    char *open_ = strchr(text, '('), *end = strrchr(text, ')');
    if (!open_ || !end || end - open_ > 20)
        return 0;
    *end = 0;
    strcpy(comm, open_ + 1);
    return !strcmp(comm, name) && end[2] != 'Z' && end[2] != 'X';
}

/* Return how many processes have the name.  Whoever has it is not asked again while it lives,
   unless `again` (a zombie keeps its name). */
static int count(const char *name, int again) {
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int found = 0;
    look++;
    while ((entry = readdir(proc))) {
        if (!isdigit(entry->d_name[0]))
            continue;
        int pid = atoi(entry->d_name);
        if (known[pid] && seen[pid] != look - 1)
            known[pid] = 0;
        seen[pid] = look;
        if (known[pid] == 2)
            continue;
        if (!known[pid] || again)
            known[pid] = is_called(pid, name);
        found += known[pid];
    }
    closedir(proc);
    return found;
}

static int wait_for(const char *name, int wanted, double seconds) {
    struct timespec pause = {0, 1000000};
    uint64_t limit = now_ns() + seconds * 1e9;
    while (count(name, wanted == 0) != wanted) {
        if (now_ns() > limit)
            return 1;
        nanosleep(&pause, 0);
    }
    printf("%llu\n", (unsigned long long)now_ns());
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 5 && !strcmp(argv[1], "until")) {
        count(argv[2], 0);
        puts("ready");
        fflush(stdout);
        return wait_for(argv[2], atoi(argv[3]), atof(argv[4]));
    }
    if (argc == 4 && !strcmp(argv[1], "replace")) {
        int wanted = count(argv[2], 0);
        printf("%llu\n", (unsigned long long)now_ns());
        for (int pid = 1; pid < MOST; pid++)
            if (known[pid] == 1) {
                kill(pid, SIGKILL);
                known[pid] = 2;
            }
        return wait_for(argv[2], wanted, atof(argv[3]));
    }
    return 2;
}
