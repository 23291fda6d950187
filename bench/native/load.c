/* Asks one request over and over on kept-alive connections, and says how many answers a second.

   load tcp PORT|unix PATH CONNECTIONS SECONDS < request

   An answer ends after its Content-Length.  Exit status 1 if one is not a 200. */

#define _GNU_SOURCE
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256, ROOM = 1 << 20 };

struct connection {
    int fd;
    size_t have, head, whole; /* bytes so far; of the head, of all (0: not known yet) */
    char *bytes;
};

static char request[4096];
static size_t request_size;
static struct sockaddr_storage address;
static socklen_t address_size;

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void ask(struct connection *c) {
    c->have = c->whole = 0;
    if (write(c->fd, request, request_size) != (ssize_t)request_size)
        die("write");
}

static void open_connection(struct connection *c, int poll) {
    c->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&address, address_size))
        die("connect");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
    ask(c);
}

/* Read what there is; return 1 when the answer is whole. */
static int receive(struct connection *c, int poll) {
    ssize_t n = read(c->fd, c->bytes + c->have, ROOM - 1 - c->have);
    if (n <= 0) { /* closed between two answers: open another */
        close(c->fd);
        open_connection(c, poll);
        return 0;
    }
    c->have += n;
    c->bytes[c->have] = 0;
    if (!c->whole) {
        char *end = strstr(c->bytes, "\r\n\r\n");
        if (!end)
            return 0;
        char *length = strcasestr(c->bytes, "\r\ncontent-length:");
        if (!length || length > end || strncmp(c->bytes + 8, " 200", 4)) {
            fprintf(stderr, "answered: %.300s\n", c->bytes);
            exit(1);
        }
        c->whole = end + 4 - c->bytes + strtoul(length + 17, 0, 10);
    }
    return c->have >= c->whole;
}

static void set_address(const char *kind, const char *where) {
    struct sockaddr_in *in = (void *)&address;
    struct sockaddr_un *un = (void *)&address;
    if (!strcmp(kind, "tcp")) {
        in->sin_family = AF_INET;
        in->sin_port = htons(atoi(where));
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address_size = sizeof *in;
        return;
    }
    un->sun_family = AF_UNIX;
    strncpy(un->sun_path, where, sizeof un->sun_path - 1);
    address_size = sizeof *un;
}

int main(int argc, char **argv) {
    if (argc != 5 || atoi(argv[3]) > MOST)
        return 2;
    static struct connection connections[MOST];
    struct epoll_event events[MOST];
    int poll = epoll_create1(0), count = atoi(argv[3]);
    request_size = fread(request, 1, sizeof request, stdin);
    set_address(argv[1], argv[2]);
    for (int i = 0; i < count; i++) {
        connections[i].bytes = malloc(ROOM);
        open_connection(&connections[i], poll);
    }
    double begin = seconds_now(), end = begin + atof(argv[4]), now = begin;
    unsigned long answers = 0;
    while ((now = seconds_now()) < end) {
        int ready = epoll_wait(poll, events, MOST, 1000);
        for (int i = 0; i < ready; i++)
            if (receive(events[i].data.ptr, poll)) {
                answers++;
                ask(events[i].data.ptr);
            }
    }
    printf("%.1f\n", answers / (now - begin));
    return 0;
}
