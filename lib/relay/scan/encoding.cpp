#include "relay/scan/encoding.hpp"

#include <array>

namespace relay::scan {
namespace {

constexpr std::array<std::string_view, 15> names{
    "ansi",       "backslash", "percent", "html", "quoted-printable", "octal-log", "utf-16",    "line-ends",
    "separators", "base64",    "base32",  "hex",  "numbers",          "dump",      "log-lines",
};

constexpr unsigned levels = 4;

}  // namespace

std::string_view text_of(Encoding encoding) { return names.at(static_cast<std::size_t>(encoding)); }

std::vector<Encoding> const &all_encodings() {
    static std::vector<Encoding> const all = [] {
        std::vector<Encoding> list;
        for (std::size_t i = 0; i < names.size(); ++i) {
            list.push_back(static_cast<Encoding>(i));
        }
        return list;
    }();
    return all;
}

void append_marks(std::vector<Encoding> &chain, Marks marks) {
    // What a whole text is in (UTF-16) is outside of what is written in it.
    if ((marks & mark(Encoding::utf16)) != 0) {
        chain.push_back(Encoding::utf16);
    }
    for (unsigned level = 0; level < levels; ++level) {
        for (Encoding const encoding : all_encodings()) {
            if (encoding != Encoding::utf16 && (marks & mark(encoding, level)) != 0) {
                chain.push_back(encoding);
            }
        }
    }
}

}  // namespace relay::scan
