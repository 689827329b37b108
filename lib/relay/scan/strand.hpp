#pragma once

#include "relay/crypto/wiped.hpp"
#include "relay/scan/encoding.hpp"

#include <array>
#include <cstddef>

namespace relay::scan {

/// Lets decoded bytes through only while they look like text.
///
/// A run of base64 is decoded from each of its four characters on, because it may touch what is before it. Three
/// of these four readings are noise, and so is the fourth if the run is a path or a hash. Eight bytes of text in a row
/// open a strand: in noise, one of a thousand places has them. Six bytes in a row that are not text close it.
class Strand {
  public:
    /// Calls `next(char, Origin)` for text. Returns false if the text has just ended.
    template <typename Next>
    bool put(char c, Origin const &origin, Next const &next) {
        m_nuls = c == '\0' ? m_nuls + 1 : 0;
        bool const text = is_text(c);
        if (m_open) {
            m_other = text ? 0 : m_other + 1;
            if (m_other < most_other) {
                next(c, origin);
                return true;
            }
            reset();
            return false;
        }
        if (!text) {
            m_kept = 0;
            return true;
        }
        m_bytes.value[m_kept] = c;
        m_origins[m_kept++] = origin;
        if (m_kept == enough) {
            m_open = true;
            m_kept = 0;
            m_other = 0;
            for (std::size_t i = 0; i < enough; ++i) {
                next(m_bytes.value[i], m_origins[i]);
            }
        }
        return true;
    }
    bool open() const { return m_open; }
    void reset() {
        m_open = false;
        m_kept = 0;
        m_nuls = 0;
    }

  private:
    static constexpr std::size_t enough = 8;
    static constexpr std::size_t most_other = 6;

    bool is_text(char c) const {
        bool const printable = c >= ' ' && c <= '~';
        // UTF-32 has three NULs in a row.
        return printable || c == '\n' || c == '\r' || c == '\t' || c == '\x1b' || (c == '\0' && m_nuls <= 3);
    }

    detail::Wiped<std::array<char, enough>> m_bytes{};
    std::array<Origin, enough> m_origins{};
    std::size_t m_kept = 0;
    std::size_t m_other = 0;
    bool m_open = false;
    std::size_t m_nuls = 0;  ///< in a row
};

}  // namespace relay::scan
