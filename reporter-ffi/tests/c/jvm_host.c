/* A host in C that starts the reporter first and a JVM later, and then puts our handlers on top of the JVM's.
 *   jvm_host CLASSPATH [fault] */
#include <jni.h>
#include <stdio.h>
#include <string.h>

int native_start(void);
int native_rearm(void);
void native_fault(void);

int main(int argc, char **argv) {
    char class_path[4096];
    if (argc < 2 || native_start() != 0)
        return 64;
    snprintf(class_path, sizeof class_path, "-Djava.class.path=%s", argv[1]);
    JavaVMOption options[] = {{.optionString = class_path}, {.optionString = "-Xmx256m"}};
    JavaVMInitArgs arguments = {.version = JNI_VERSION_10, .nOptions = 2, .options = options};
    JavaVM *vm;
    JNIEnv *env;
    if (JNI_CreateJavaVM(&vm, (void **)&env, &arguments) != JNI_OK)
        return 65;
    jclass host = (*env)->FindClass(env, "Host");
    jmethodID catches = host == NULL ? NULL : (*env)->GetStaticMethodID(env, host, "catchThem", "(I)V");
    jmethodID caught = catches == NULL ? NULL : (*env)->GetStaticMethodID(env, host, "caughtSoFar", "()I");
    if (caught == NULL)
        return 66;
    for (int round = 0; round < 3; round++) {
        (*env)->CallStaticVoidMethod(env, host, catches, (jint)1000);
        native_rearm();
    }
    printf("caught %d\n", (int)(*env)->CallStaticIntMethod(env, host, caught));
    fflush(stdout);
    if (argc > 2 && strcmp(argv[2], "fault") == 0)
        native_fault();
    return 0;
}
