/* The physical limit: what a minimal C program of posix_spawn, waitid, epoll and splice reaches.

   limit spawn COUNT ARGV...            ms from before each spawn to the child's stamp (on fd 0)
   limit replace COUNT ARGV...          ms from SIGKILL to the replacement's stamp (on fd 0)
   limit fleet COUNT ARGV...            ms: all spawned; all killed and replaced; all stopped
   limit short COUNT FLIGHT ARGV...     runs a second, FLIGHT at a time, each waited for
   limit round COUNT ARGV...            ms from before each spawn to its exit status
   limit splice WRITERS DIR ARGV...     s of wall time and s of CPU to move all their output to files
   limit http BYTES                     serve answers of that size; says its port; until killed

   posix_spawn returns when the child has begun to exec: then it counts as running.  Stamps are
   what `child stamp` writes to a FIFO. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096 };

extern char **environ;
static pid_t pids[MOST];

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static pid_t spawn(char **argv, int output) {
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (output >= 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1);
    if ((errno = posix_spawn(&pid, argv[0], &actions, 0, argv, environ)))
        die(argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void reap(pid_t pid) {
    siginfo_t info;
    if (waitid(P_PID, pid, &info, WEXITED))
        die("waitid");
}

static uint64_t read_stamp(void) {
    uint64_t record[2];
    if (read(0, record, sizeof record) != sizeof record)
        die("stamp");
    return record[0];
}

static void print_ms(uint64_t ns) { printf("%.4f\n", ns / 1e6); }

static void measure_spawn(int count, char **argv) {
    for (int i = 0; i < count; i++) {
        uint64_t begin = now_ns();
        pid_t pid = spawn(argv, -1);
        print_ms(read_stamp() - begin);
        reap(pid);
    }
}

static void measure_replace(int count, char **argv) {
    pid_t pid = spawn(argv, -1);
    read_stamp();
    for (int i = 0; i < count; i++) {
        uint64_t begin = now_ns();
        kill(pid, SIGKILL);
        reap(pid);
        pid = spawn(argv, -1);
        print_ms(read_stamp() - begin);
    }
    kill(pid, SIGKILL);
    reap(pid);
}

static void measure_fleet(int count, char **argv) {
    uint64_t begin = now_ns();
    for (int i = 0; i < count; i++)
        pids[i] = spawn(argv, -1);
    print_ms(now_ns() - begin);
    begin = now_ns();
    for (int i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    for (int i = 0; i < count; i++) {
        reap(pids[i]);
        pids[i] = spawn(argv, -1);
    }
    print_ms(now_ns() - begin);
    begin = now_ns();
    for (int i = 0; i < count; i++)
        kill(pids[i], SIGTERM);
    for (int i = 0; i < count; i++)
        reap(pids[i]);
    print_ms(now_ns() - begin);
}

static void measure_short(int count, int flight, char **argv) {
    siginfo_t info;
    int begun = 0;
    uint64_t begin = now_ns();
    for (int ended = 0; ended < count; ended++) {
        while (begun < count && begun - ended < flight) {
            spawn(argv, -1);
            begun++;
        }
        waitid(P_ALL, 0, &info, WEXITED);
    }
    printf("%.1f\n", count / ((now_ns() - begin) / 1e9));
}

static void measure_round(int count, char **argv) {
    for (int i = 0; i < count; i++) {
        uint64_t begin = now_ns();
        reap(spawn(argv, -1));
        print_ms(now_ns() - begin);
    }
}

static void measure_splice(int writers, const char *folder, char **argv) {
    static int files[MOST], pipes[MOST];
    struct epoll_event event, events[64];
    struct rusage usage;
    int poll = epoll_create1(EPOLL_CLOEXEC), open_pipes = writers;
    uint64_t begin = now_ns();
    for (int i = 0; i < writers; i++) {
        char path[4096];
        int ends[2];
        snprintf(path, sizeof path, "%s/%d", folder, i);
        files[i] = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (files[i] < 0 || pipe2(ends, O_CLOEXEC))
            die(path);
        pids[i] = spawn(argv, ends[1]);
        close(ends[1]);
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        pipes[i] = ends[0];
        event = (struct epoll_event){.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(poll, EPOLL_CTL_ADD, ends[0], &event);
    }
    while (open_pipes) {
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            int at = events[i].data.u32;
            ssize_t n = splice(pipes[at], 0, files[at], 0, 64 << 10, SPLICE_F_NONBLOCK);
            if (n > 0 || (n < 0 && errno == EAGAIN))
                continue;
            if (n < 0)
                die("splice");
            close(pipes[at]);
            close(files[at]);
            reap(pids[at]);
            open_pipes--;
        }
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%.6f\n%.6f\n", (now_ns() - begin) / 1e9,
           usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
               (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void serve_http(size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    struct epoll_event event, events[64];
    int poll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    char *answer = malloc(size + 256), asked[4096];
    int head = sprintf(answer, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                               "content-length: %zu\r\n\r\n", size);
    memset(answer + head, ' ', size);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 128))
        die("listen");
    getsockname(listener, (void *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    event = (struct epoll_event){.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                fd = accept(listener, 0, 0);
                event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
            } else if (read(fd, asked, sizeof asked) <= 0) {
                close(fd);
            } else if (write(fd, answer, head + size) < 0) {
                die("write");
            }
        }
    }
}

int main(int argc, char **argv) {
    const char *what = argc > 2 ? argv[1] : "";
    int count = argc > 2 ? atoi(argv[2]) : 0;
    if (!strcmp(what, "spawn"))
        measure_spawn(count, argv + 3);
    else if (!strcmp(what, "replace"))
        measure_replace(count, argv + 3);
    else if (!strcmp(what, "fleet"))
        measure_fleet(count, argv + 3);
    else if (!strcmp(what, "short"))
        measure_short(count, atoi(argv[3]), argv + 4);
    else if (!strcmp(what, "round"))
        measure_round(count, argv + 3);
    else if (!strcmp(what, "splice"))
        measure_splice(count, argv[3], argv + 4);
    else if (!strcmp(what, "http"))
        serve_http(strtoul(argv[2], 0, 10));
    else
        return 2;
    return 0;
}
