/* What the bench has supervised.  Static, so that its own start costs next to nothing.

   child stamp FIFO hold|exit   write {ns of CLOCK_MONOTONIC, pid} to FIFO first of all, then sleep
                                for ever, or exit 0
   child write BYTES            write BYTES to standard output: 64-bit words that count from 0
   child check BYTES FILE...    exit 0 if the files, one after the other, are what `write` wrote */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 64 << 10, WORDS = BLOCK / 8 };

static uint64_t block[WORDS];

static void fill(uint64_t offset) {
    for (int i = 0; i < WORDS; i++)
        block[i] = offset / 8 + i;
}

static int stamp(const struct timespec *now, const char *fifo, const char *then) {
    uint64_t record[2] = {now->tv_sec * 1000000000ull + now->tv_nsec, getpid()};
    int fd = open(fifo, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, record, sizeof record) != sizeof record)
        return 1;
    close(fd);
    while (strcmp(then, "hold") == 0)
        pause();
    return 0;
}

static int write_words(uint64_t bytes) {
    for (uint64_t at = 0; at < bytes; at += BLOCK) {
        size_t size = bytes - at < BLOCK ? bytes - at : BLOCK;
        fill(at);
        for (size_t done = 0; done < size;) {
            ssize_t n = write(1, (char *)block + done, size - done);
            if (n < 0)
                return 1;
            done += n;
        }
    }
    return 0;
}

static int check(uint64_t bytes, char **files) {
    static char found[BLOCK];
    uint64_t at = 0;
    size_t have = 0;
    fill(0);
    for (; *files; files++) {
        int fd = open(*files, O_RDONLY);
        ssize_t n;
        if (fd < 0)
            return 1;
        while ((n = read(fd, found + have, BLOCK - have)) > 0) {
            have += n;
            if (have == BLOCK || at + have == bytes) {
                if (memcmp(found, block, have))
                    return 1;
                at += have;
                have = 0;
                fill(at);
            }
        }
        close(fd);
    }
    return at + have != bytes || have != 0;
}

int main(int argc, char **argv) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (argc == 4 && !strcmp(argv[1], "stamp"))
        return stamp(&now, argv[2], argv[3]);
    if (argc == 3 && !strcmp(argv[1], "write"))
        return write_words(strtoull(argv[2], 0, 10));
    if (argc > 3 && !strcmp(argv[1], "check"))
        return check(strtoull(argv[2], 0, 10), argv + 3);
    return 2;
}
