// Includes the header twice, after macros that windows.h leaves behind.
#include <array>
#include <chrono>
#include <filesystem>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))

#include <reporter.hpp>
#include <reporter.hpp>

int main() { return reporter::version().empty(); }
