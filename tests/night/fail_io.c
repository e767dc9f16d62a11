/* An LD_PRELOAD shim: counts what a process asks of the disk under one folder, and at the n-th call of a kind either
 * has it fail with an errno or has the process killed (SIGKILL) before, in the middle of, or after it.
 *
 * arm(folder, path, kind, n, action, lasting): path is a glob below the folder ("" the folder itself, NULL all of it);
 * kind is a name of KINDS or "any"; n from 1, 0 only counts; lasting: so does each call after it, as on a full disk.
 * action > 0: the errno; KILL_BEFORE, KILL_AFTER, KILL_HALFWAY (of a write; of anything else it is KILL_AFTER): the
 * signal. disarm() ends it.
 * count(): calls of the kind on the path since arm(). traced(i): "kind path" of the i-th of them, 0 after the last.
 *
 * Calls that glibc makes of itself (fopen's open, fwrite's write) pass no shim: the stdio functions are counted, too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KILL_BEFORE = -1, KILL_AFTER = -2, KILL_HALFWAY = -3 };
enum { PASS, FAIL, AFTER, HALFWAY };
enum { TRACED_MAX = 8192, NAME_MAX_ = 240 };

static char folder_[PATH_MAX];
static size_t folder_length;
static char path_[PATH_MAX];
static int anywhere;
static char kind_[16];
static long at;
static int action_;
static int lasting_;
static int armed;
static long passed;
static char names[TRACED_MAX][NAME_MAX_];

void arm(const char *folder, const char *path, const char *kind, long n, int action, int lasting)
{
    snprintf(folder_, sizeof folder_, "%s", folder);
    anywhere = path == NULL;
    snprintf(path_, sizeof path_, "%s", anywhere ? "" : path);
    snprintf(kind_, sizeof kind_, "%s", kind);
    folder_length = strlen(folder_);
    at = n;
    action_ = action;
    lasting_ = lasting;
    passed = 0;
    armed = 1;
}

void disarm(void) { armed = 0; }

long count(void) { return passed; }

const char *traced(long i) { return i < passed && i < TRACED_MAX ? names[i] : NULL; }

/* The real function of a name, found at its first call. */
#define REAL(name)                                                                                                     \
    static __typeof__(&name) real;                                                                                     \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void stop_here(void) { kill(getpid(), SIGKILL); }

static int under(const char *path)
{
    return strncmp(path, folder_, folder_length) == 0 && (path[folder_length] == '/' || path[folder_length] == 0);
}

static int path_of(int handle, char *into)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, into, PATH_MAX - 1);
    into[length < 0 ? 0 : length] = 0;
    return length > 0;
}

static int wanted(const char *kind, const char *path)
{
    if (!under(path) || (strcmp(kind_, "any") != 0 && strcmp(kind_, kind) != 0)) return 0;
    return anywhere || fnmatch(path_, path + folder_length, FNM_PATHNAME) == 0;
}

/* Count a call on a path; say what shall become of it. FAIL has set errno. */
static int meet(const char *kind, const char *path)
{
    if (!armed || !wanted(kind, path)) return PASS;
    long number = __atomic_add_fetch(&passed, 1, __ATOMIC_SEQ_CST);
    if (number <= TRACED_MAX) snprintf(names[number - 1], NAME_MAX_, "%s %s", kind, path + folder_length);
    if (at == 0 || number < at || (number > at && !lasting_)) return PASS;
    if (action_ == KILL_BEFORE) stop_here();
    if (action_ == KILL_AFTER) return AFTER;
    if (action_ == KILL_HALFWAY) return HALFWAY;
    errno = action_;
    return FAIL;
}

static int meet_handle(const char *kind, int handle)
{
    char path[PATH_MAX];
    int kept = errno;
    if (!armed || handle < 0 || !path_of(handle, path)) {
        errno = kept;
        return PASS;
    }
    errno = kept;
    return meet(kind, path);
}

static int meet_at(const char *kind, int folder, const char *path)
{
    char whole[2 * PATH_MAX], place[PATH_MAX];
    if (!armed || path[0] == '/' || folder == AT_FDCWD) return meet(kind, path);
    if (!path_of(folder, place)) return PASS;
    snprintf(whole, sizeof whole, "%s/%s", place, path);
    return meet(kind, whole);
}

/* Do the call between what is to happen before it and after it. */
#define DO(verdict, type, failed, call)                                                                                \
    int verdict_ = (verdict);                                                                                          \
    if (verdict_ == FAIL) return failed;                                                                               \
    type result = (call);                                                                                              \
    if (verdict_ != PASS) stop_here();                                                                                 \
    return result

#define MODE_OF(flags)                                                                                                 \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                                           \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = va_arg(rest, mode_t);                                                                                   \
        va_end(rest);                                                                                                  \
    }

int open(const char *path, int flags, ...)
{
    MODE_OF(flags)
    REAL(open);
    DO(meet("open", path), int, -1, real(path, flags, mode));
}

int open64(const char *path, int flags, ...)
{
    MODE_OF(flags)
    REAL(open64);
    DO(meet("open", path), int, -1, real(path, flags, mode));
}

int openat(int folder, const char *path, int flags, ...)
{
    MODE_OF(flags)
    REAL(openat);
    DO(meet_at("open", folder, path), int, -1, real(folder, path, flags, mode));
}

int openat64(int folder, const char *path, int flags, ...)
{
    MODE_OF(flags)
    REAL(openat64);
    DO(meet_at("open", folder, path), int, -1, real(folder, path, flags, mode));
}

FILE *fopen(const char *path, const char *mode)
{
    REAL(fopen);
    DO(meet("open", path), FILE *, NULL, real(path, mode));
}

FILE *fopen64(const char *path, const char *mode)
{
    REAL(fopen64);
    DO(meet("open", path), FILE *, NULL, real(path, mode));
}

#define HALF(verdict, length) ((verdict) == HALFWAY ? (length) / 2 : (length))
#define WRITE(handle, length, call)                                                                                    \
    int verdict = meet_handle("write", handle);                                                                        \
    size_t part = HALF(verdict, length);                                                                               \
    DO(verdict, ssize_t, -1, call)

ssize_t write(int handle, const void *bytes, size_t length)
{
    REAL(write);
    WRITE(handle, length, real(handle, bytes, part));
}

ssize_t pwrite(int handle, const void *bytes, size_t length, off_t place)
{
    REAL(pwrite);
    WRITE(handle, length, real(handle, bytes, part, place));
}

ssize_t pwrite64(int handle, const void *bytes, size_t length, off64_t place)
{
    REAL(pwrite64);
    WRITE(handle, length, real(handle, bytes, part, place));
}

ssize_t writev(int handle, const struct iovec *parts, int length)
{
    REAL(writev);
    WRITE(handle, length, real(handle, parts, part));
}

size_t fwrite(const void *bytes, size_t size, size_t length, FILE *file)
{
    REAL(fwrite);
    int verdict = meet_handle("write", fileno(file));
    if (verdict == FAIL) return 0;
    size_t written = real(bytes, size, HALF(verdict, length), file);
    if (verdict != PASS) {
        fflush(file);
        stop_here();
    }
    return written;
}

/* What is still in the buffer is written when the file is closed, and may be what does not fit. */
int fclose(FILE *file)
{
    REAL(fclose);
    int verdict = __fwriting(file) ? meet_handle("write", fileno(file)) : PASS;
    int why = errno;
    if (verdict == FAIL) __fpurge(file);
    int result = real(file);
    if (verdict == FAIL) {
        errno = why;
        return EOF;
    }
    if (verdict != PASS) stop_here();
    return result;
}

ssize_t read(int handle, void *bytes, size_t length)
{
    REAL(read);
    DO(meet_handle("read", handle), ssize_t, -1, real(handle, bytes, length));
}

ssize_t pread(int handle, void *bytes, size_t length, off_t place)
{
    REAL(pread);
    DO(meet_handle("read", handle), ssize_t, -1, real(handle, bytes, length, place));
}

ssize_t pread64(int handle, void *bytes, size_t length, off64_t place)
{
    REAL(pread64);
    DO(meet_handle("read", handle), ssize_t, -1, real(handle, bytes, length, place));
}

int fsync(int handle)
{
    REAL(fsync);
    DO(meet_handle("fsync", handle), int, -1, real(handle));
}

int fdatasync(int handle)
{
    REAL(fdatasync);
    DO(meet_handle("fsync", handle), int, -1, real(handle));
}

int ftruncate(int handle, off_t length)
{
    REAL(ftruncate);
    DO(meet_handle("truncate", handle), int, -1, real(handle, length));
}

int ftruncate64(int handle, off64_t length)
{
    REAL(ftruncate64);
    DO(meet_handle("truncate", handle), int, -1, real(handle, length));
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    DO(meet("rename", to), int, -1, real(from, to));
}

int renameat(int here, const char *from, int there, const char *to)
{
    REAL(renameat);
    DO(meet_at("rename", there, to), int, -1, real(here, from, there, to));
}

int unlink(const char *path)
{
    REAL(unlink);
    DO(meet("unlink", path), int, -1, real(path));
}

int unlinkat(int folder, const char *path, int flags)
{
    REAL(unlinkat);
    DO(meet_at("unlink", folder, path), int, -1, real(folder, path, flags));
}

int rmdir(const char *path)
{
    REAL(rmdir);
    DO(meet("unlink", path), int, -1, real(path));
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    DO(meet("mkdir", path), int, -1, real(path, mode));
}

int mkdirat(int folder, const char *path, mode_t mode)
{
    REAL(mkdirat);
    DO(meet_at("mkdir", folder, path), int, -1, real(folder, path, mode));
}

int chmod(const char *path, mode_t mode)
{
    REAL(chmod);
    DO(meet("chmod", path), int, -1, real(path, mode));
}

int fchmodat(int folder, const char *path, mode_t mode, int flags)
{
    REAL(fchmodat);
    DO(meet_at("chmod", folder, path), int, -1, real(folder, path, mode, flags));
}

void *mmap(void *where, size_t length, int may, int flags, int handle, off_t place)
{
    REAL(mmap);
    DO(meet_handle("mmap", handle), void *, MAP_FAILED, real(where, length, may, flags, handle, place));
}

void *mmap64(void *where, size_t length, int may, int flags, int handle, off64_t place)
{
    REAL(mmap64);
    DO(meet_handle("mmap", handle), void *, MAP_FAILED, real(where, length, may, flags, handle, place));
}
