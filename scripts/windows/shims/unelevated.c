/*
 * unelevated PROGRAM ARGUMENTS: runs a program as an ordinary user's, and ends with its exit code.
 *
 * Under Wine everybody is an administrator whose programs run elevated, so that tests would see only what an elevated product does: no environment, no restart,
 * no question. Each elevated token has a second one without the rights, as on Windows.
 */
#include <stdio.h>
#include <windows.h>

static int fail(const char *what)
{
    fprintf(stderr, "unelevated: %s: error %lu\n", what, GetLastError());
    return 126;
}

int main(void)
{
    wchar_t *line = GetCommandLineW();
    /* What is behind our own name. */
    if (*line == L'"') {
        for (line++; *line != 0 && *line != L'"'; line++)
            ;
        line += *line != 0;
    } else {
        while (*line != 0 && *line != L' ' && *line != L'\t')
            line++;
    }
    while (*line == L' ' || *line == L'\t')
        line++;

    HANDLE own, token;
    TOKEN_LINKED_TOKEN linked;
    DWORD size, code;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY | TOKEN_DUPLICATE, &own))
        return fail("OpenProcessToken");
    if (!GetTokenInformation(own, TokenLinkedToken, &linked, sizeof linked, &size))
        return fail("TokenLinkedToken");
    if (!DuplicateTokenEx(linked.LinkedToken, MAXIMUM_ALLOWED, NULL, SecurityImpersonation, TokenPrimary, &token))
        return fail("DuplicateTokenEx");
    STARTUPINFOW startup = {
        .cb = sizeof startup,
        .dwFlags = STARTF_USESTDHANDLES,
        .hStdInput = GetStdHandle(STD_INPUT_HANDLE),
        .hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE),
        .hStdError = GetStdHandle(STD_ERROR_HANDLE),
    };
    PROCESS_INFORMATION process;
    if (!CreateProcessAsUserW(token, NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process))
        return fail("CreateProcessAsUser");
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    return (int)code;
}
