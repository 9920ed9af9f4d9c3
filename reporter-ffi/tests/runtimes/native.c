/* The native library of a product: it starts the reporter and has the bugs that the tests need. Hosts of all languages load it, so that the
 * reporter comes after their runtime. Where to find handler and spool is in the environment, the folder of one test. */
#include <pthread.h>
#include <reporter.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define HANDLER "reporter-handler.exe"
#else
#define HANDLER "reporter-handler"
#endif

static const char *in_folder(char *path, size_t size, const char *name) {
    const char *folder = getenv("REPORTER_TEST_FOLDER");
    snprintf(path, size, "%s/%s", folder == NULL ? "" : folder, name);
    return path;
}

/* Returns 0 once errors are reported. */
int native_start(void) {
    char path[4096];
    reporter_options_t *options = reporter_options_new("Example Software", "Host", "1.0.0");
    reporter_options_set_handler(options, in_folder(path, sizeof path, HANDLER));
    reporter_options_set_spool(options, in_folder(path, sizeof path, "spool"));
    reporter_options_set_eml_directory(options, in_folder(path, sizeof path, "mails"));
    reporter_options_set_mail_from(options, "errors@product.example");
    reporter_options_add_mail_to(options, "support@product.example");
    reporter_status_t status = reporter_start(options);
    if (status != REPORTER_OK)
        fprintf(stderr, "reporter_start: %d, %s\n", (int)status, reporter_last_error());
    for (size_t index = 0; reporter_soft_error(index) != NULL; index++)
        fprintf(stderr, "soft error: %s\n", reporter_soft_error(index));
    return status == REPORTER_OK && !reporter_is_active() ? 1 : (int)status;
}

int native_rearm(void) { return (int)reporter_rearm(); }

int native_shutdown(void) { return (int)reporter_shutdown(10000); }

/* What the hook of a runtime has to tell. */
int native_unhandled(const char *type, const char *message) {
    return (int)reporter_capture_unhandled(reporter_error_new(type, message));
}

/* Not to be optimised away, nor known to the compiler. */
static volatile uintptr_t nowhere = 0x10;

void native_fault(void) { *(volatile int *)nowhere = 1; }

/* Returns what it found, which it never does. */
size_t native_fault_in_libc(void) { return strlen((const char *)nowhere); }

/* A callback that nobody has set. */
void native_call_nowhere(void) {
    void (*volatile callback)(void) = NULL;
    callback();
}

void native_abort(void) { abort(); }

#pragma GCC diagnostic ignored "-Winfinite-recursion"
__attribute__((noinline)) uintptr_t native_overflow(uintptr_t depth) {
    volatile uintptr_t frame[64];
    frame[depth % 64] = depth;
    return native_overflow(depth + 1) + frame[depth % 64];
}

static void *fault(void *nothing) {
    native_fault();
    return nothing;
}

static void *overflow(void *nothing) {
    native_overflow(0);
    return nothing;
}

static void in_thread(void *(*run)(void *)) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) == 0)
        pthread_join(thread, NULL);
}

/* In a thread that the host's runtime knows nothing of. */
void native_fault_in_thread(void) { in_thread(fault); }

void native_overflow_in_thread(void) { in_thread(overflow); }

static void fault_in_libc(void) { native_fault_in_libc(); }

static void rearm(void) { native_rearm(); }

static void overflow_here(void) { native_overflow(0); }

/* Any of them, by name; -1 if there is none of that name. */
int native_call(const char *name) {
    static const struct {
        const char *name;
        void (*function)(void);
    } functions[] = {
        {"native_fault", native_fault},
        {"native_fault_in_libc", fault_in_libc},
        {"native_fault_in_thread", native_fault_in_thread},
        {"native_call_nowhere", native_call_nowhere},
        {"native_overflow", overflow_here},
        {"native_overflow_in_thread", native_overflow_in_thread},
        {"native_abort", native_abort},
        {"native_rearm", rearm},
    };
    for (size_t n = 0; n < sizeof functions / sizeof functions[0]; n++) {
        if (strcmp(functions[n].name, name) == 0) {
            functions[n].function();
            return 0;
        }
    }
    return -1;
}

#ifdef JNI
#include <jni.h>

JNIEXPORT jint JNICALL Java_Host_nativeStart(JNIEnv *env, jclass class) {
    (void)env, (void)class;
    return native_start();
}

JNIEXPORT jint JNICALL Java_Host_nativeUnhandled(JNIEnv *env, jclass class, jstring type, jstring message) {
    (void)class;
    return native_unhandled((*env)->GetStringUTFChars(env, type, NULL), (*env)->GetStringUTFChars(env, message, NULL));
}

JNIEXPORT jint JNICALL Java_Host_nativeCall(JNIEnv *env, jclass class, jstring name) {
    (void)class;
    return native_call((*env)->GetStringUTFChars(env, name, NULL));
}
#endif
