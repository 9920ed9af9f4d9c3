/* A plug-in that fails when it is told why: REASON, of what DllMain is called for. */
#include <windows.h>

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved) {
    (void)instance, (void)reserved;
    if (reason == REASON)
        (void)*(volatile int *)0x20;
    return TRUE;
}
