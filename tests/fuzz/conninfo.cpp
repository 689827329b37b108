// A connection string is read as libpq reads it, a quoted value reads back, and no message repeats a password.
#include "relay/db/conninfo.hpp"
#include "relay/db/conninfo_parse.hpp"
#include "relay/model/text.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace relay;
using namespace relay::db;
using namespace relay::fuzz;

namespace {

constexpr std::string_view secret = "Geheim4711Zx";

/// Reads it, and checks the message of a refusal.
std::optional<Keywords> read(std::string const &text) {
    Settings settings;
    settings.conninfo = text;
    settings.origin = "--dsn-file";
    try {
        return parse_conninfo(settings);
    } catch (Error const &error) {
        require(error.kind() == ErrorKind::usage, "a bad connection string is an error of usage");
        require(error.message().find(secret) == std::string::npos && error.hint().why.find(secret) == std::string::npos,
                "no message repeats a password");
        return std::nullopt;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    std::string text(reinterpret_cast<char const *>(data), size);
    if (text.find('\0') != std::string::npos) {
        return 0;  // refused before: libpq would cut it there
    }
    if (auto const keywords = read(text)) {
        require(!is_fit_to_show(text) || keywords->count("password") == 0, "a password is not shown");
        std::string again;
        for (auto const &[name, value] : *keywords) {
            again += name + '=' + quote_conninfo_value(value) + ' ';
        }
        for (auto const &[name, value] : *keywords) {
            require(is_clean_utf8(value) || name == "password" || name == "sslpassword", "values are UTF-8");
        }
        // Percent escapes can give a password that is not UTF-8; as a keyword's value, it is refused.
        if (find_misread(again, *keywords).what.empty() && is_clean_utf8(again)) {
            require(read(again) == keywords, "keywords read back");
        }
    }
    for (std::size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1)) {
        text.replace(at, 1, secret);
    }
    read("password=" + std::string(secret) + ' ' + text);
    read(text);
    return 0;
}
