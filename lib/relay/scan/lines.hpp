#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace relay::scan {

/// Turns offsets into lines and columns, for offsets that are not far behind what was read.
class Lines {
  public:
    struct Position {
        std::uint64_t line = 1;
        std::uint64_t column = 1;  ///< in bytes
    };

    Lines();
    /// Reads the next piece of the input.
    void feed(std::string_view piece);
    /// Returns none if more than 8192 lines have begun since.
    std::optional<Position> position_of(std::uint64_t offset) const;

  private:
    std::vector<std::uint64_t> m_starts;  ///< a ring: the offsets at which the last lines begin
    std::uint64_t m_count = 1;  ///< how many lines have begun; the first begins at 0
    std::uint64_t m_read = 0;
};

}  // namespace relay::scan
