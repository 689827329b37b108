#include "cli/output/screen.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

namespace relay::cli {

namespace {

constexpr std::size_t widest_screen = 10'000;

std::size_t from_environment(char const *name, std::size_t otherwise) {
    char const *const value = std::getenv(name);
    std::string_view const text = value == nullptr ? "" : value;
    std::size_t number = 0;
    auto const [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool const whole = failure == std::errc() && stop == text.data() + text.size();
    return whole && number > 0 && number <= widest_screen ? number : otherwise;
}

/// Returns whether a locale's character set has this name. It may have a modifier (`UTF-8@euro`); case does not matter.
bool is_named(std::string_view charset, std::string_view name) {
    charset = charset.substr(0, charset.find('@'));
    return std::equal(charset.begin(), charset.end(), name.begin(), name.end(), [](char given, char wanted) {
        return (given >= 'A' && given <= 'Z' ? static_cast<char>(given - 'A' + 'a') : given) == wanted;
    });
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
    screen.draws = is_utf8_locale([](char const *name) { return std::getenv(name); });
    return screen;
}

bool is_utf8_locale(Environment const &environment) {
    for (char const *const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        char const *const value = environment(name);
        std::string_view const locale = value == nullptr ? "" : value;
        if (!locale.empty()) {
            std::size_t const dot = locale.find('.');
            std::string_view const charset = dot == locale.npos ? "" : locale.substr(dot + 1);
            return is_named(charset, "utf-8") || is_named(charset, "utf8");
        }
    }
    return false;
}

bool obeys_escapes(Environment const &environment) {
    char const *const terminal = environment("TERM");
    return terminal != nullptr && *terminal != '\0' && std::string_view(terminal) != "dumb";
}

}  // namespace relay::cli
