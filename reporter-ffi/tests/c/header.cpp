// The header in C++: it compiles without a warning, its functions link by their C names, a string_view goes into a twin.
#include <string_view>
#include <type_traits>

#include <reporter.h>

static_assert(sizeof(reporter_status_t) == 4 && sizeof(reporter_surface_t) == 4, "the numbers of the API have a fixed size");
static_assert(REPORTER_OK == 0 && REPORTER_ERROR_NULL < 0, "a status says by its sign whether it is an error");
static_assert(std::is_same_v<reporter_task_t, std::uint64_t>, "a task is a number");

int main()
{
    constexpr std::string_view key = "document.kind", empty;
    if (reporter_annotate_n(key.data(), key.size(), empty.data(), empty.size()) != REPORTER_OK)
        return 1;
    if (reporter_command("file.export", "Export", REPORTER_SURFACE_MENU) != REPORTER_OK)
        return 2;
    return std::string_view(reporter_version_text()).empty() ? 3 : 0;
}
