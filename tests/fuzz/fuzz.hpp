#pragma once

#include "relay/model/error.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

/// What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput; see tests/fuzz/README.md.
namespace relay::fuzz {

/// Ends the run if a promise is broken. libFuzzer then writes the input to a file.
inline void require(bool holds, char const *promise) {
    if (!holds) {
        std::fprintf(stderr, "broken promise: %s\n", promise);
        std::abort();
    }
}

/// Returns what `read` returns; none if it refuses the text as it should: as an error of usage, in one line, without a
/// full stop. Anything else that it throws ends the run.
template <typename Read>
auto accepted(Read const &read) -> std::optional<decltype(read())> {
    try {
        return read();
    } catch (Error const &error) {
        require(error.kind() == ErrorKind::usage, "bad input is an error of usage");
        require(!error.message().empty() && error.message().find('\n') == std::string::npos, "a message is one line");
        require(error.message().size() < 4000, "a message has a bound");
        return std::nullopt;
    }
}

/// Takes choices from the front of the input; the rest is the text.
class Choices {
  public:
    Choices(std::uint8_t const *data, std::size_t size) : m_rest(reinterpret_cast<char const *>(data), size) {}

    /// Returns a number below `bound`; 0 when the input is used up.
    std::size_t below(std::size_t bound) {
        if (m_rest.empty()) {
            return 0;
        }
        auto const byte = static_cast<unsigned char>(m_rest.front());
        m_rest.remove_prefix(1);
        return byte % bound;
    }
    std::string_view take(std::size_t size) {
        std::string_view const part = m_rest.substr(0, size);
        m_rest.remove_prefix(part.size());
        return part;
    }
    std::string_view rest() const { return m_rest; }

  private:
    std::string_view m_rest;
};

}  // namespace relay::fuzz
