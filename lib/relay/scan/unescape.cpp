#include "relay/scan/unescape.hpp"

namespace relay::scan {
namespace {

struct Reader {
    char introducer;
    Escape (*read)(std::string_view);
    Encoding encoding;
};

constexpr std::array readers{
    Reader{'\\', read_backslash, Encoding::backslash},
    Reader{'%', read_percent, Encoding::percent},
    Reader{'&', read_entity, Encoding::html},
    Reader{'=', read_quoted_printable, Encoding::quoted_printable},
    Reader{'[', read_ansi, Encoding::ansi},
    Reader{'\x1b', read_ansi, Encoding::ansi},
    Reader{'\x9b', read_ansi, Encoding::ansi},
    Reader{'^', read_ansi, Encoding::ansi},
    Reader{'#', read_octal_log, Encoding::octal_log},
};

constexpr Reader const &reader_of(char introducer) {
    std::size_t i = 0;
    while (readers[i].introducer != introducer) {
        ++i;
    }
    return readers[i];
}

}  // namespace

Escape Unescape::read() const { return reader_of(m_text.value[0]).read({m_text.value.data(), m_size}); }

Encoding Unescape::encoding() const { return reader_of(m_text.value[0]).encoding; }

bool may_begin_escape(char c, char next) {
    std::array<char, 2> const text{c, next};
    return Unescape::is_introducer(c) && reader_of(c).read({text.data(), text.size()}).state != Escape::State::none;
}

}  // namespace relay::scan
