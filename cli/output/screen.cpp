#include "cli/output/screen.hpp"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

namespace relay::cli {

namespace {

constexpr std::size_t widest = 10'000;

std::size_t from_environment(char const *name, std::size_t otherwise) {
    char const *const value = std::getenv(name);
    std::string_view const text = value == nullptr ? "" : value;
    std::size_t number = 0;
    auto const [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool const whole = failure == std::errc() && stop == text.data() + text.size();
    return whole && number > 0 && number <= widest ? number : otherwise;
}

}  // namespace

std::optional<Screen> screen_of(int descriptor) {
    if (::isatty(descriptor) != 1) {
        return {};
    }
    Screen screen;
    winsize size{};
    bool const told = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0;
    screen.columns = told && size.ws_col > 0 ? size.ws_col : from_environment("COLUMNS", screen.columns);
    screen.lines = told && size.ws_row > 0 ? size.ws_row : from_environment("LINES", screen.lines);
    return screen;
}

bool obeys_escapes(Environment const &environment) {
    char const *const terminal = environment("TERM");
    return terminal != nullptr && *terminal != '\0' && std::string_view(terminal) != "dumb";
}

}  // namespace relay::cli
