#pragma once

#include "relay/scan/container.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace relay::scan {

/// Finds compressed and encrypted files inside an input that comes in pieces: members of an archive (tar, deb, zip),
/// attachments, encrypted parts of a text. It looks for the signatures that are long enough, and checks the header behind
/// each, so that random bytes hardly ever look like one.
class Inside {
  public:
    using Found = std::function<void(Container const &, std::uint64_t offset)>;
    explicit Inside(Found found) : m_found(std::move(found)) {}
    void feed(std::string_view piece);
    /// Ends the input. The next piece begins another one.
    void end();

  private:
    void look(std::size_t size);

    Found m_found;
    std::string m_window{};
    std::uint64_t m_begin = 0;  ///< where the window begins in the input
};

}  // namespace relay::scan
